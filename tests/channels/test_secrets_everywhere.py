"""What a rule hides is in no log, error, event, figure or audit record, whatever the program raises with it."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from nexus import AsyncNexus
from nexus.model import Caller, Event
from tests.channels.http.http_places import an_app, in_process, until

RULES = ["state.**.password", "metadata.card", "inputs.password", "outputs.password"]
IN_STATE, IN_INPUTS, IN_METADATA, GONE, NUMBER = (
    "state-hunter2",
    "input-hunter2",
    "card-hunter2",
    "gone-hunter2",
    918273,
)
SECRETS = (IN_STATE, IN_INPUTS, IN_METADATA, GONE, str(NUMBER))


class WrongPassword(Exception):
    """Quotes what it is about."""


def leaky_app(**settings: Any) -> AsyncNexus:
    app = an_app(redact=RULES, **settings)

    @app.workflow("login")
    async def login(run: Any, password: str, how: str) -> dict[str, Any]:
        old = run.state["old"].pop("password")
        run.state["user"] = {"password": IN_STATE, "pin": {"password": NUMBER}}
        await run.progress(1, 2, note=f"{password} and {old}")
        if how == "group":
            raise ExceptionGroup("several", [WrongPassword(f"{IN_STATE!r} {old}")])
        if how == "outputs":
            return {password: float("nan")}
        raise WrongPassword(f"{password}, {old}, {NUMBER} of {json.dumps(run.state)} with {IN_METADATA}")

    @app.on_event
    def handler(event: Event) -> None:
        if event.type == "session.failed":
            raise WrongPassword(IN_STATE)

    @app.route("/leak")
    async def leak() -> None:
        raise WrongPassword(IN_STATE)

    return app


async def _make(app: AsyncNexus, name: str) -> None:
    await app.create_session(
        session_id=name, metadata={"card": IN_METADATA}, state={"old": {"password": GONE}, "user": {"name": "ann"}}
    )


@pytest.mark.parametrize("how", ["raise", "group", "outputs"])
async def test_no_log_error_event_figure_or_record_quotes_a_hidden_value(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = leaky_app()
    with caplog.at_level(logging.DEBUG):
        async with in_process(app) as http:
            await _make(app, "s")
            result = await app.execute_workflow("login", "s", {"password": IN_INPUTS, "how": how})
            assert result.status == "failed"
            assert (await http.get("/leak")).status_code == 500
            admin = app.service(Caller(actor="root", channel="api"))
            session = await admin.get_session("s")
            told = [
                caplog.text,
                str(session.error),
                str(result.error),
                str([event.to_dict() for event in (await admin.list_events("s")).items]),
                str([record.to_dict() for record in (await admin.audit()).items]),
                (await http.get("/metrics")).text,
                str((await admin.get_run("s")).error),  # type: ignore[union-attr]
            ]
    for text in told:
        for secret in SECRETS:
            assert secret not in text, text
    # They are what everything is about, so that their absence is not an accident.
    assert "***" in str(session.error)
    assert IN_METADATA in str(session.metadata)
    assert ("login in session s failed at " in caplog.text) is (how != "outputs")
    assert "raised on session.failed of s: WrongPassword at " in caplog.text
    assert "GET /leak failed: WrongPassword at " in caplog.text


async def test_the_note_of_a_run_that_waits_hides_them_too() -> None:
    app = leaky_app()

    @app.workflow("wait")
    async def wait(run: Any, password: str) -> None:
        await run.progress(1, note=f"waits with {password}")
        await run.wait_for("go")

    async with app:
        await app.start()
        await app.execute_workflow("wait", "w", {"password": IN_INPUTS}, background=True)
        admin = app.service(Caller(actor="root", channel="api"))

        async def waits() -> bool:
            return (await app.get_session("w")).status == "suspended"

        await until(waits)
        run = await admin.get_run("w")
        assert run is not None
        assert run.progress is not None
        assert run.progress.note == "waits with ***"


async def test_with_a_rule_for_errors_the_log_has_only_kind_and_place(caplog: pytest.LogCaptureFixture) -> None:
    app = an_app(redact=["error"])
    async with app:
        await app.start()
        result = await app.execute_workflow("fail", "f")
    assert result.error == "ValueError: this was meant to fail"
    assert "meant to fail" not in caplog.text
    assert "http_places.py:" in caplog.text
    assert "ValueError (its text is hidden)" in caplog.text


async def test_without_rules_texts_are_told_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    app = leaky_app().derive(redact=())
    async with app:
        await app.start()
        await _make(app, "s")
        result = await app.execute_workflow("login", "s", {"password": IN_INPUTS, "how": "raise"})
    assert IN_INPUTS in str(result.error)
    assert f"WrongPassword: {IN_STATE}" in caplog.text
