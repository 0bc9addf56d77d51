"""The JSON merge patch (RFC 7396) that leads from one state to another, and what no merge patch can say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nexus_widgets import json_path


@dataclass(frozen=True, slots=True)
class Merging:
    """A patch, and the paths whose new value is ``null``: there a patch would take the key away instead."""

    patch: Mapping[str, Any]
    nulls: tuple[str, ...] = ()


def merging(old: Mapping[str, Any], new: Mapping[str, Any]) -> Merging:
    """What has to be merged into ``old`` to make it ``new``; empty where they are the same.

    The order of keys is no difference, and a list is replaced whole. Numbers are the same only when they are written
    alike: ``1`` is neither ``1.0`` nor ``true``.

    Args:
        old: A state.
        new: Another one.
    """
    nulls: list[str] = []
    return Merging(_patch(old, new, (), nulls), tuple(nulls))


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same, whatever the order of keys.

    Args:
        one: A value.
        other: Another one.
    """
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def _patch(old: Mapping[str, Any], new: Mapping[str, Any], path: tuple[str, ...], nulls: list[str]) -> dict[str, Any]:
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        here = (*path, key)
        if key in old and same(old[key], value):
            continue
        if key in old and isinstance(value, dict) and isinstance(old[key], dict):
            patch[key] = _patch(old[key], value, here, nulls)
        else:
            patch[key] = value
            nulls.extend(json_path(each) for each in _nulls(value, here))
    return patch


def _nulls(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Where a patch that holds this value would lose a null: in objects, but not in lists, which it takes whole."""
    if value is None:
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _nulls(inner, (*path, key))
