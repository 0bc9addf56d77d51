"""Operations for those who watch over the service: statistics, workers, health, metrics, and what it can do."""

from __future__ import annotations

from nexus.auth import Verifier
from nexus.channels.http import docs_page, meter
from nexus.channels.http.operation import Call, Says, operation
from nexus.channels.http.reply import Reply, answer
from nexus.channels.wire import shown
from nexus.channels.wire.answers import Alive, HealthAnswer, StatisticsAnswer, WorkerList
from nexus.channels.wire.asked import NoBody, NoQuery
from nexus.model.namespace import DEFAULT
from nexus.stores.base import Health

_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
_ARCHIVE = ("archive_pending", "archive_lag_seconds")


@operation("GET", "/statistics", tag="operations", says=(Says(200, StatisticsAnswer, "the figures"),))
async def get_statistics(call: Call[NoQuery, NoBody]) -> Reply:
    """Figures over all sessions, at a cost that doesn't depend on how many there are."""
    return answer(StatisticsAnswer(**(await call.service.statistics()).to_dict()))


@operation("GET", "/workers", tag="operations", says=(Says(200, WorkerList, "all of them"),))
async def list_workers(call: Call[NoQuery, NoBody]) -> Reply:
    """The processes that execute runs on this store."""
    return answer(WorkerList(items=tuple(map(shown.worker, await call.service.workers()))))


@operation("GET", "/health", tag="operations", open=True, says=(Says(200, Alive, "the process serves"),))
async def get_health(call: Call[NoQuery, NoBody]) -> Reply:  # noqa: ARG001 - the shape of all handlers
    """Whether the process serves; it says nothing of the store."""
    return answer(Alive())


@operation(
    "GET", "/ready", tag="operations", open=True,
    says=(Says(200, HealthAnswer, "the store answers"), Says(503, HealthAnswer, "the store doesn't answer")),
)  # fmt: skip
async def get_ready(call: Call[NoQuery, NoBody]) -> Reply:
    """Whether the store answers, so that requests make sense. Where an identity provider's tokens let in, `facts` say
    of its keys (`jwt_keys`) whether they are `current`, `kept` from an earlier reading because the provider doesn't
    answer, or `missing`, and (`jwt_keys_age`) how many seconds ago they were read.
    """
    health = await call.service.health()
    if call.context.app.settings.asks_who:
        # Whoever asks has shown no token: that it answers, or not, is all they need to know.
        health = Health(ok=health.ok, backend=health.backend, url="", facts=_keys(call.context.app.parts.verifier))
    return answer(shown.health(health), status=200 if health.ok else 503)


def _keys(verifier: Verifier) -> dict[str, str]:
    """How the server knows an identity provider's tokens, where it does: why keys are old is for the log alone."""
    if verifier.jwt is None:
        return {}
    state = verifier.jwt.state()
    age = {} if state.age is None else {"jwt_keys_age": f"{state.age:.0f}"}
    return {"jwt_keys": state.word, **age}


@operation(
    "GET", "/metrics", tag="operations", says=(Says(200, None, "Prometheus text", media_type=meter.CONTENT_TYPE),)
)
async def get_metrics(call: Call[NoQuery, NoBody]) -> Reply:
    """Counters and gauges of this process and its store, in Prometheus' text format 0.0.4; in a namespace, of that
    alone and without the process's.
    """
    statistics = await call.service.statistics()
    newest = await call.service.recent_events(limit=1)
    health = await call.service.health()
    counts = {
        "nexus_store_up": float(health.ok),
        "nexus_workers": float(len(await call.service.workers())),
        "nexus_feed_cursor": float(newest[-1].seq if newest else 0),
    }
    # Only a store with an archive says how far that is behind.
    counts |= {f"nexus_{name}": float(health.facts[name]) for name in _ARCHIVE if name in health.facts}
    # What the process does for all namespaces is for those who see the store itself.
    told = call.context.meter.text(statistics, counts, process=call.service.caller.namespace == DEFAULT)
    return Reply(told.encode(), media_type=meter.CONTENT_TYPE)


@operation(
    "GET", "/openapi.json", tag="operations",
    says=(Says(200, dict, "an OpenAPI 3.1 document", media_type="application/json"),),
)  # fmt: skip
async def get_openapi(call: Call[NoQuery, NoBody]) -> Reply:
    """This description, with the input schemas of all workflows."""
    return Reply(call.context.openapi())


@operation(
    "GET", "/docs", tag="operations", says=(Says(200, None, "a page to read", media_type="text/html; charset=utf-8"),)
)
async def get_docs(call: Call[NoQuery, NoBody]) -> Reply:
    """All operations as a page for people, without anything loaded from elsewhere."""
    page = docs_page.render(call.context.description())
    return Reply(page.encode(), media_type="text/html; charset=utf-8",
                 headers=[("Content-Security-Policy", _PAGE_POLICY)])  # fmt: skip


OPERATIONS = (
    get_statistics, list_workers, get_health, get_ready, get_metrics, get_openapi, get_docs,
)  # fmt: skip
