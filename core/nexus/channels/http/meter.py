"""Counts of what was served, and their Prometheus text (format 0.0.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from nexus.model import Statistics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Meter:
    """Counters of one process since it started. Labels come from the route table, so their number is bounded."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._seconds: Counter[str] = Counter()
        self._served: Counter[str] = Counter()
        self.streams = 0
        """Event streams that are open now."""
        self.events_sent = 0
        self.streams_dropped = 0
        """Streams whose reader took nothing for too long."""

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request; ``seconds`` is how long it took."""
        self._requests[route, method if method in _KNOWN_METHODS else "other", status] += 1
        self._seconds[route] += seconds  # type: ignore[assignment]
        self._served[route] += 1

    def text(self, statistics: Statistics, counts: dict[str, float], *, process: bool = True) -> str:
        """Everything as Prometheus text.

        Args:
            statistics: Figures over all sessions.
            counts: More gauges by name: what the store says of itself.
            process: Tell what this process has done, too.
        """
        lines: list[str] = []
        lines += _family(
            "nexus_sessions", "gauge", "Sessions that the store keeps, by status.",
            ((f'{{status="{name}"}}', count) for name, count in statistics.by_status.items()),
        )  # fmt: skip
        lines += _family(
            "nexus_sessions_by_channel", "gauge", "Sessions that the store keeps, by the channel they began in.",
            ((f'{{channel="{_label(name)}"}}', count) for name, count in statistics.by_channel.items()),
        )  # fmt: skip
        lines += _family(
            "nexus_sessions_by_workflow", "gauge", "Sessions that the store keeps, by their last workflow.",
            ((f'{{workflow="{_label(name)}"}}', count) for name, count in statistics.by_workflow.items()),
        )  # fmt: skip
        lines += _durations(statistics)
        lines += _single("nexus_success_ratio", "gauge", "Finished sessions that completed, 0 to 1.",
                         round(statistics.success_rate / 100, 6))  # fmt: skip
        lines += _single("nexus_sessions_created_per_minute", "gauge", "Sessions created, mean of five minutes.",
                         statistics.created_per_minute)  # fmt: skip
        lines += _single("nexus_sessions_ended_per_minute", "gauge", "Sessions ended, mean of five minutes.",
                         statistics.ended_per_minute)  # fmt: skip
        for name, value in counts.items():
            lines += _single(name, "gauge", _ABOUT[name], value)
        if process:
            lines += self._http()
        return "\n".join(lines) + "\n"

    def _http(self) -> list[str]:
        requests = (
            (f'{{route="{_label(route)}",method="{method}",status="{status}"}}', count)
            for (route, method, status), count in sorted(self._requests.items())
        )
        lines = _family("nexus_http_requests_total", "counter", "Requests served by this process.", requests)
        lines += ["# HELP nexus_http_request_seconds Time from a request's head to the end of its answer.",
                  "# TYPE nexus_http_request_seconds summary"]  # fmt: skip
        for route, count in sorted(self._served.items()):
            label = f'{{route="{_label(route)}"}}'
            lines += [f"nexus_http_request_seconds_sum{label} {self._seconds[route]:.6f}",
                      f"nexus_http_request_seconds_count{label} {count}"]  # fmt: skip
        lines += _single("nexus_event_streams", "gauge", "Event streams open now.", self.streams)
        lines += _single("nexus_events_sent_total", "counter", "Events sent to all streams.", self.events_sent)
        return lines + _single("nexus_event_streams_dropped_total", "counter",
                               "Streams ended because their reader took nothing for too long.",
                               self.streams_dropped)  # fmt: skip


_ABOUT = {
    "nexus_store_up": "Whether the store answers.",
    "nexus_workers": "Processes that execute runs on this store.",
    "nexus_feed_cursor": "Number of the newest event.",
    "nexus_archive_pending": "Commits that wait for the archive.",
    "nexus_archive_lag_seconds": "How long the oldest commit has waited for the archive.",
}


def _durations(statistics: Statistics) -> list[str]:
    ended = sum(statistics.by_status.get(name, 0) for name in ("completed", "cancelled", "expired"))
    return [
        "# HELP nexus_session_duration_seconds From creation to end, of the ended sessions that the store keeps.",
        "# TYPE nexus_session_duration_seconds summary",
        f'nexus_session_duration_seconds{{quantile="0.5"}} {statistics.p50_duration}',
        f'nexus_session_duration_seconds{{quantile="0.95"}} {statistics.p95_duration}',
        f'nexus_session_duration_seconds{{quantile="0.99"}} {statistics.p99_duration}',
        f"nexus_session_duration_seconds_sum {round(statistics.avg_duration * ended, 6)}",
        f"nexus_session_duration_seconds_count {ended}",
    ]


def _family(name: str, kind: str, about: str, samples: Iterable[tuple[str, float]]) -> list[str]:
    return [f"# HELP {name} {about}", f"# TYPE {name} {kind}", *(f"{name}{label} {value}" for label, value in samples)]


def _single(name: str, kind: str, about: str, value: float) -> list[str]:
    return _family(name, kind, about, (("", value),))


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
