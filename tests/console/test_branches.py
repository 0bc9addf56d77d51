"""Checkpoints as a branching line."""

from __future__ import annotations

from nexus.model import Checkpoint
from nexus.testing.builders import a_checkpoint, a_session, an_event
from nexus_tui.viewmodels.branches import branches, rewinds_of


def saved(last: int, rewinds: list[tuple[int, int]], first: int = 1) -> list[Checkpoint]:
    def is_left(number: int) -> bool:
        return any(k < number <= n for k, n in rewinds)

    return [a_checkpoint("s", number, superseded=is_left(number)) for number in range(first, last + 1)]


def drawn(last: int, rewinds: list[tuple[int, int]], current: int, first: int = 1) -> list[str]:
    return [place.line for place in branches(saved(last, rewinds, first), rewinds, current)]


def test_a_history_without_resumes_is_one_line() -> None:
    assert drawn(3, [], 3) == ["◆", "◆", "◆"]


def test_what_a_resume_left_behind_hangs_on_the_checkpoint_that_it_went_back_to() -> None:
    assert drawn(5, [(2, 3)], 5) == ["◆", "◆", "│◇", "◆╯", "◆"]


def test_two_branches_from_one_checkpoint_stand_beside_each_other() -> None:
    assert drawn(6, [(2, 3), (2, 5)], 6) == ["◆", "│◇", "│◇", "││◇", "◆┴╯", "◆"]


def test_right_after_a_resume_the_line_begins_where_it_went_back_to() -> None:
    assert drawn(4, [(2, 4)], 2) == [" ◇", " ◇", "◆╯", "◆"]


def test_a_branch_of_a_branch_hangs_on_it() -> None:
    # 1-2-3, back to 2: 4-5, back to 4: 6, back to 1: 7.
    assert drawn(7, [(2, 3), (4, 5), (1, 6)], 7) == ["◆", "│◇", "││◇", "│◇╯", "││◇", "│◇╯", "◆╯"]


def test_a_line_ends_where_what_it_came_from_is_kept_no_more() -> None:
    assert drawn(6, [(2, 4)], 6, first=4) == ["◆", "◆", " ◇"]


def test_many_branches_stay_within_a_few_cells() -> None:
    rewinds = [(1, number) for number in range(2, 20)]
    assert max(len(line) for line in drawn(20, rewinds, 20)) <= 6


def test_a_server_that_tells_no_rewinds_tells_events() -> None:
    told = [an_event("checkpoint.saved", "s", data={"checkpoint_id": f"checkpoint-{n}"}) for n in (1, 2, 3)]
    told.append(an_event("session.resumed", "s", data={"checkpoint_id": "checkpoint-1"}))
    told.append(an_event("session.resumed", "s", data={"checkpoint_id": "\x1b[2J"}))
    assert rewinds_of(a_session("s"), told) == [(1, 3)]
    assert rewinds_of(a_session("s", rewinds=((4, 9),)), told) == [(4, 9)]


def test_without_either_the_marks_of_what_was_superseded_tell() -> None:
    found = branches(saved(5, [(2, 3)]), [], 5)
    assert [place.line for place in found] == ["◆", "◆", "│◇", "◆╯", "◆"]
