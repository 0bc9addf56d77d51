"""The filter language ``q``: read it, apply it, complete it, explain it.

Terms side by side must all hold; a comma list inside a term holds when one of its values does; a
minus sign turns a term round. ``docs/filter-language.md`` is the guide for users. What terms mean,
exactly (``now`` is the time given to the predicate):

- ``status`` is the session's; ``live`` stands for active, in_progress and suspended, ``final`` for
  completed, cancelled and expired.
- ``channel`` looks at every channel the session has been used from.
- ``workflow group user owner parent id run checkpoint`` compare the whole text and mind case;
  ``*`` and ``?`` are wildcards after a colon. A session without the value matches no pattern, so
  ``-group:*`` finds those in no group. ``error`` looks for a part of the text, whatever its case.
- ``age`` is now - created_at; ``idle`` is now - last_activity; ``expires`` is expires_at - now, and
  matches nothing where there is no expires_at (negated, it then matches); ``duration`` is
  ended_at - created_at, and now - created_at for a session that has not ended.
- ``step`` and ``version`` are whole numbers.
- ``meta.PATH`` and ``state.PATH`` look into JSON: see `nexus.query.scalars`. A path that leads
  nowhere matches nothing, ``!=`` included; a minus sign before the term then matches.
- A word without a field is looked for in the id, the workflow and the user, whatever its case.
- ``=`` compares exactly where ``:`` reads wildcards. ``!=`` is the minus sign, except for a path,
  where something must be there to differ.

Reading is total: every text gives a `Query` or raises a `QueryError` that names the column. It
takes linear time, and so does a match; neither ever backtracks. The package does no I/O and holds
no clock. It is not a search engine: nothing is ranked, and there is no nesting and no ``or``
between terms. Stores translate the terms that they can index, and use `compile_predicate` for the rest.
"""

from nexus.query.ast import (
    ATTRIBUTES,
    ChannelTerm,
    DurationTerm,
    GlobTerm,
    NumberTerm,
    PathTerm,
    Query,
    StatusTerm,
    Term,
    WordTerm,
)
from nexus.query.complete import Completion, complete
from nexus.query.explain import describe
from nexus.query.format import to_text
from nexus.query.globs import Glob
from nexus.query.mistakes import QueryError, point_at
from nexus.query.parser import MAX_LENGTH, MAX_TERMS, parse
from nexus.query.predicate import Predicate, compile_predicate, matches

__all__ = [
    "parse",
    "compile_predicate",
    "matches",
    "to_text",
    "describe",
    "complete",
    "Completion",
    "point_at",
    "QueryError",
    "Query",
    "Term",
    "StatusTerm",
    "ChannelTerm",
    "GlobTerm",
    "DurationTerm",
    "NumberTerm",
    "PathTerm",
    "WordTerm",
    "Glob",
    "Predicate",
    "ATTRIBUTES",
    "MAX_LENGTH",
    "MAX_TERMS",
]
