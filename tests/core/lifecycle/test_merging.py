"""Three-way merging of states."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.lifecycle.merging import three_way
from nexus.model.jsonvalue import merge_patch

values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(values, values)
def test_what_only_one_side_changed_stands(base: Any, changed: Any) -> None:
    assert three_way(base, changed, base) == changed
    assert three_way(base, base, changed) == changed


def test_changes_of_different_keys_are_both_kept() -> None:
    base = {"a": {"x": 1, "y": 1}, "gone": 1}
    assert three_way(base, {"a": {"x": 2, "y": 1}}, {"a": {"x": 1, "y": 3}, "gone": 1, "new": None}) == {
        "a": {"x": 2, "y": 3},
        "new": None,
    }


def test_true_one_and_one_point_zero_are_three_values() -> None:
    assert three_way({"a": {"b": 1}}, {"a": {"b": True}}, {"a": {"b": 1}, "c": 0}) == {"a": {"b": True}, "c": 0}
    assert type(three_way({"a": 1}, {"a": 1.0}, {"a": 1, "c": 0})["a"]) is float


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # the table of RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches_follow_the_table_of_rfc_7396(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result
