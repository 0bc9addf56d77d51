"""Terms that look into ``metadata`` and ``state``: ``meta.organization=acme-corp``, ``state.retries>3``.

Keys are parted by dots; a key with a dot, a space or an operator in it is quoted:
``state."due date"<2026-01-01``. A whole number picks an item of a list: ``state.steps.0:scan*``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from nexus.query.ast import CompareOp, PathTerm, Root, Scalar
from nexus.query.fields import STATUS_SETS, Field
from nexus.query.mistakes import clip, mistake
from nexus.query.scalars import read_scalar
from nexus.query.values import exact_text, glob, has_wildcard, list_items, single_item

if TYPE_CHECKING:
    from nexus.query.globs import Glob
    from nexus.query.lexer import Lexeme, Span

MAX_DEPTH = 32
"""The most keys in a path."""


def path_term(lexeme: Lexeme, field: Field, operator: str, *, negated: bool) -> PathTerm:
    """The term of a lexeme whose head starts with ``meta`` or ``state``.

    Args:
        lexeme: The term; it has a value.
        field: What its head starts with.
        operator: The operator in its usual spelling.
        negated: Whether the term is.

    Raises:
        QueryError: The path has no keys, an empty one, a wildcard or too many; or a value doesn't
            go with the operator.
    """
    root, path = cast("Root", field.name), _path(lexeme, field)
    if operator == ":":
        return PathTerm(root, path, "=", _values(lexeme, wild=True), negated)
    if operator in {"=", "!="}:
        return PathTerm(root, path, cast("CompareOp", operator), _values(lexeme, wild=False), negated)
    return PathTerm(root, path, cast("CompareOp", operator), (_ordered(lexeme),), negated)


def _path(lexeme: Lexeme, field: Field) -> tuple[str, ...]:
    keys = lexeme.head.split(".")[1:]
    if not keys:
        raise mistake(f"{field.name} needs a path: {_with_path(lexeme, field)}", lexeme.head.start, lexeme.head.end)
    if len(keys) > MAX_DEPTH:
        message = f"a path has at most {MAX_DEPTH} keys and this one has {len(keys)}: shorten it"
        raise mistake(message, keys[MAX_DEPTH].start, lexeme.head.end)
    for key in keys:
        _check_key(key)
    return tuple(key.text for key in keys)


def _with_path(lexeme: Lexeme, field: Field) -> str:
    if field.name == "state" and lexeme.value.text.lower() in STATUS_SETS:
        return f"write {field.example}; for where a session stands, status:{lexeme.value.text.lower()}"
    return f"write {field.example}"


def _check_key(key: Span) -> None:
    if key.start == key.end:
        place = key.start - 1
        raise mistake("a key is missing beside this dot: write one, or quote a dot that is text", place, place + 1)
    if "*" in key.bare:
        place = key.places[key.bare.index("*")]
        raise mistake("a path has no wildcards: write the key out, or quote a star that is text", place, place + 1)


def _values(lexeme: Lexeme, *, wild: bool) -> tuple[Scalar | Glob, ...]:
    read = _wild if wild else _exact
    values = [read(lexeme, item) for item in list_items(lexeme.value)]
    # Distinct by kind too: Python takes 1 and true for the same.
    return tuple({(type(value), value): value for value in values}.values())


def _wild(lexeme: Lexeme, item: Span) -> Scalar | Glob:
    return glob(item) if has_wildcard(item) else _exact(lexeme, item)


def _exact(lexeme: Lexeme, item: Span) -> Scalar:
    text = exact_text(lexeme, item)
    return text if item.is_quoted else read_scalar(text)


def _ordered(lexeme: Lexeme) -> int | float | str:
    name = lexeme.head.text
    item = single_item(lexeme, f"write a term for each, as in {clip(name)}>1 {clip(name)}<5")
    value = _exact(lexeme, item)
    if value is None or isinstance(value, bool):
        message = f"{clip(item.text)} has no order: write {clip(f'{name}={item.text}')}, or quote it to compare text"
        raise mistake(message, item.start, item.end)
    return value
