"""Functions that SQLite and PostgreSQL have under different names."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement, LargeBinary, Text, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _Has(FunctionElement[bool]):
    """Whether some bytes or a text stand somewhere in others."""

    type = Boolean()
    inherit_cache = True


class _FoldedHas(FunctionElement[bool]):
    """Whether a text in small ASCII letters stands somewhere in another, whatever the case of that one's ASCII."""

    type = Boolean()
    inherit_cache = True


class _IsAscii(FunctionElement[bool]):
    """Whether a text has as many bytes as characters."""

    type = Boolean()
    inherit_cache = True


class _Unindexed(FunctionElement[Any]):
    """A column for which SQLite looks at no index; PostgreSQL knows by itself which are worth it."""

    type = Text()
    inherit_cache = True


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column of text for which SQLite looks at no index."""
    return _Unindexed(column)


def has(column: ColumnElement[Any], needle: bytes | str) -> ColumnElement[bool]:
    """Whether ``needle`` stands in a column of bytes, or of text."""
    return _Has(column, literal(needle, LargeBinary if isinstance(needle, bytes) else Text))


def folded_has(column: ColumnElement[Any], needle: str) -> ColumnElement[bool]:
    """Whether ``needle``, in small ASCII letters, stands in a column of text whose ASCII is made small."""
    return _FoldedHas(column, literal(needle, Text))


def is_ascii(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a column of text has nothing but ASCII."""
    return _IsAscii(column)


def _parts(element: FunctionElement[Any], compiler: SQLCompiler, **kw: Any) -> list[str]:
    return [compiler.process(clause, **kw) for clause in element.clauses]


@compiles(_Has, "sqlite")
def _has_sqlite(element: _Has, compiler: SQLCompiler, **kw: Any) -> str:
    column, needle = _parts(element, compiler, **kw)
    return f"(instr({column}, {needle}) > 0)"


@compiles(_Has, "postgresql")
def _has_postgresql(element: _Has, compiler: SQLCompiler, **kw: Any) -> str:
    column, needle = _parts(element, compiler, **kw)
    return f"(position({needle} in {column}) > 0)"


@compiles(_FoldedHas, "sqlite")
def _folded_has_sqlite(element: _FoldedHas, compiler: SQLCompiler, **kw: Any) -> str:
    column, needle = _parts(element, compiler, **kw)
    return f"(instr(lower({column}), {needle}) > 0)"


@compiles(_FoldedHas, "postgresql")
def _folded_has_postgresql(element: _FoldedHas, compiler: SQLCompiler, **kw: Any) -> str:
    column, needle = _parts(element, compiler, **kw)
    return f"(position({needle} in lower({column})) > 0)"


@compiles(_IsAscii, "sqlite")
def _is_ascii_sqlite(element: _IsAscii, compiler: SQLCompiler, **kw: Any) -> str:
    (column,) = _parts(element, compiler, **kw)
    return f"(length({column}) = length(CAST({column} AS BLOB)))"


@compiles(_IsAscii, "postgresql")
def _is_ascii_postgresql(element: _IsAscii, compiler: SQLCompiler, **kw: Any) -> str:
    (column,) = _parts(element, compiler, **kw)
    return f"(char_length({column}) = octet_length({column}))"


@compiles(_Unindexed, "sqlite")
def _unindexed_sqlite(element: _Unindexed, compiler: SQLCompiler, **kw: Any) -> str:
    (column,) = _parts(element, compiler, **kw)
    return f"+{column}"


@compiles(_Unindexed, "postgresql")
def _unindexed_postgresql(element: _Unindexed, compiler: SQLCompiler, **kw: Any) -> str:
    (column,) = _parts(element, compiler, **kw)
    return column
