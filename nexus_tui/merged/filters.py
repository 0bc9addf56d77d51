"""A filter as one context understands it: names that say where they are without that, or gone where they are others'.

``id:prod:*`` so finds what is in the context ``prod``.
"""

from __future__ import annotations

from collections.abc import Collection

from nexus.query import Glob, GlobTerm, Query, Term, WordTerm, parse, to_text

_NAMES = frozenset({"id", "parent", "group"})


def filter_for(q: str, where: str, contexts: Collection[str]) -> str | None:
    """The filter for one context.

    Args:
        q: As it was written for all.
        where: The context.
        contexts: The names of all.

    Returns:
        Its filter; ``None`` where nothing there can match.

    Raises:
        QueryError: It doesn't read.
    """
    terms: list[Term] = []
    is_same = True
    for term in parse(q).terms:
        fitted = _fitted(term, where, contexts)
        if fitted is None and not term.negated:
            return None
        is_same = is_same and fitted == term
        if fitted is not None:
            terms.append(fitted)
    # What needs no change goes as it was written, so that it means what it says, to the letter.
    return q if is_same else to_text(Query(tuple(terms)))


def _fitted(term: Term, where: str, contexts: Collection[str]) -> Term | None:
    if isinstance(term, WordTerm):
        texts = [_here(text, where, contexts) for text in term.texts]
        words = tuple(text for text in texts if text)
        return WordTerm(words, term.negated) if words else None
    if not isinstance(term, GlobTerm) or term.field not in _NAMES:
        return term
    patterns = [_here(pattern.text, where, contexts) for pattern in term.patterns]
    globs = tuple(Glob(pattern) for pattern in patterns if pattern is not None)
    return GlobTerm(term.field, globs, term.negated) if globs else None


def _here(text: str, where: str, contexts: Collection[str]) -> str | None:
    named, colon, rest = text.partition(":")
    if not colon or named not in contexts:
        return text
    return rest if named == where else None
