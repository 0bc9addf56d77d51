"""A start collects no garbage; afterwards it is collected, but not among what the start made."""

from __future__ import annotations

import gc

import pytest

from nexus_tui.starting import settle, without_collecting


def test_garbage_is_not_collected_before_the_start_is_over() -> None:
    try:
        with without_collecting():
            assert not gc.isenabled()
            settle()
            assert gc.isenabled()
            assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_whatever_ends_a_start_garbage_is_collected_behind_it() -> None:
    with pytest.raises(ValueError, match="no console"), without_collecting():
        raise ValueError("no console")
    assert gc.isenabled()


def test_where_garbage_is_collected_already_nothing_is_spared() -> None:
    before = gc.get_freeze_count()
    settle()
    assert gc.get_freeze_count() == before
