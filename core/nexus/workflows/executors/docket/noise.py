"""docket's log, at a sane level: it says two lines for each run, and one with a traceback each second of an outage."""

from __future__ import annotations

import logging
import time

_TALKERS = ("docket.worker", "docket.strikelist", "docket._redelivery", "docket._redis", "docket._result_store")
_SILENCE = 30.0


class _OncePerOutage(logging.Filter):
    """Lets each message pass once in a while, in one line."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is to be said."""
        if logging.getLogger("docket").isEnabledFor(logging.DEBUG):
            return True
        text = str(record.msg)
        now = time.monotonic()
        if now - self._said.get(text, -_SILENCE) < _SILENCE:
            return False
        self._said[text] = now
        if record.exc_info and record.exc_info[1] is not None:
            record.msg, record.args = f"{record.getMessage().rstrip('.')}: %s", (record.exc_info[1],)
            record.exc_info = None
        return True


_filter = _OncePerOutage()


def tame() -> None:
    """Warnings only, unless the program has chosen a level of its own for docket."""
    logger = logging.getLogger("docket")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)
    for name in _TALKERS:
        logging.getLogger(name).addFilter(_filter)


def reason(error: BaseException) -> str:
    """An error of docket's or of its client's in one line; the first, of several."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
