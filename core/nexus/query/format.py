"""Writes a query as the shortest usual text of the filter language."""

from __future__ import annotations

import re

from nexus.query.ast import (
    ChannelTerm,
    DurationTerm,
    GlobTerm,
    NumberTerm,
    PathTerm,
    Query,
    Scalar,
    StatusTerm,
    Term,
    WordTerm,
)
from nexus.query.durations import write_duration
from nexus.query.globs import Glob
from nexus.query.scalars import read_scalar, write_scalar
from nexus.query.words import RESERVED

_PLAIN_VALUE = re.compile(r"""[^\s"\\,*?:=<>!()-][^\s"\\,*?=<>()]*""")
_PLAIN_WORD = re.compile(r"""[^\s"\\,*?:=<>!()-][^\s"\\,*?:=<>()]*""")
_PLAIN_KEY = re.compile(r"""[^\s"\\,*?:=<>!().]+""")


def to_text(query: Query) -> str:
    """A text that `parse` reads back as an equal query, for every query that `parse` made.

    Values are quoted only where they must be. Terms keep their order.
    """
    return " ".join(("-" if term.negated else "") + _term(term) for term in query.terms)


def quote(text: str) -> str:
    """``text`` as a value that stands for itself: bare where it can be, otherwise in double quotes."""
    return text if _PLAIN_VALUE.fullmatch(text) else _in_quotes(text)


def _in_quotes(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _term(term: Term) -> str:
    match term:
        case DurationTerm():
            return f"{term.field}{term.op}{write_duration(term.seconds)}"
        case NumberTerm():
            return f"{term.field}{':' if term.op == '=' else term.op}{term.value}"
        case PathTerm():
            return _path(term)
        case _:
            return _listed(term)


def _listed(term: StatusTerm | ChannelTerm | GlobTerm | WordTerm) -> str:
    match term:
        case StatusTerm():
            return f"status:{','.join(term.statuses)}"
        case ChannelTerm():
            return f"channel:{','.join(term.channels)}"
        case GlobTerm():
            return f"{term.field}:{','.join(map(write_glob, term.patterns))}"
        case WordTerm():
            return ",".join(map(_word, term.texts))


def _word(text: str) -> str:
    return text if _PLAIN_WORD.fullmatch(text) and text not in RESERVED else _in_quotes(text)


def write_glob(glob: Glob) -> str:
    """A pattern as it is written after ``:``, its fixed parts quoted where they must be."""
    written: list[str] = []
    for index, piece in enumerate(glob.pieces()):
        if index:
            written.append("*")
        fixed = ""
        for token in piece:
            if token is None:
                written.append(_fixed(fixed))
                written.append("?")
                fixed = ""
            else:
                fixed += token
        written.append(_fixed(fixed))
    return "".join(written) or '""'


def _fixed(text: str) -> str:
    return quote(text) if text else ""


def _path(term: PathTerm) -> str:
    keys = "".join(f".{write_key(key)}" for key in term.path)
    wild = any(isinstance(value, Glob) for value in term.values)
    return f"{term.root}{keys}{':' if wild else term.op}{','.join(map(_value, term.values))}"


def write_key(key: str) -> str:
    """One key of a path: bare where it can be, otherwise in double quotes."""
    return key if _PLAIN_KEY.fullmatch(key) else _in_quotes(key)


def _value(value: Scalar | Glob) -> str:
    if isinstance(value, Glob):
        return write_glob(value)
    if isinstance(value, str):
        # Text that would read as a number or as true needs quotes to stay text.
        return quote(value) if isinstance(read_scalar(value), str) else _in_quotes(value)
    return write_scalar(value)
