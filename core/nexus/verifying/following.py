"""Whether a follower got every event, once and in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from nexus.model import Event
from nexus.verifying.evidence import Evidence, by_session, last_life


def out_of_order(evidence: Evidence, followed: Sequence[Event]) -> Iterator[str]:
    """Where the numbers of followed events say that some came twice, not at all, or too late."""
    seqs = [event.seq for event in followed]
    if len(set(seqs)) != len(seqs):
        yield f"a follower was given {len(seqs) - len(set(seqs))} events twice"
    if evidence.one_order:
        for before, after in pairwise(seqs):
            if after != before + 1 and not evidence.told_trimmed:
                yield f"event {after} came behind event {before}"
        if seqs and seqs[0] != 1 and not evidence.told_trimmed:
            yield f"the first event was {seqs[0]}, and nothing told that earlier ones were trimmed"
    for session_id, record in by_session(followed).items():
        numbers = [event.seq for event in record]
        if numbers != sorted(numbers):
            yield f"{session_id}: its events came out of order"


def missed(evidence: Evidence, followed: Sequence[Event]) -> Iterator[str]:
    """Where what was followed and what is listed are not the same."""
    known, records = {event.seq for event in followed}, by_session(followed)
    for session_id, listed in evidence.events.items():
        unseen = [event.seq for event in listed if event.seq not in known]
        if unseen and not evidence.told_trimmed:
            yield f"{session_id}: events {some(unseen)} are listed, and a follower never got them"
        lost = {event.seq for event in last_life(records.get(session_id, ()))} - {event.seq for event in listed}
        lost = {seq for seq in lost if seq >= evidence.trimmed_below}
        if lost and session_id in evidence.sessions:
            yield f"{session_id}: events {some(sorted(lost))} were followed, and are not listed"


def some(items: Sequence[int] | Sequence[str]) -> str:
    """The first few of many, for a message."""
    shown = ", ".join(str(item) for item in items[:5])
    return shown if len(items) <= 5 else f"{shown} and {len(items) - 5} more"
