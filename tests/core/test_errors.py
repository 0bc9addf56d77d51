"""Every leaf of the error tree has a code and a status of its own, and survives every channel's map."""

from __future__ import annotations

import re

import pytest

from nexus import errors
from nexus.errors import NexusError, error_from_code

CONTRACT = {
    "SessionNotFound": ("session_not_found", 404), "SessionExpired": ("session_expired", 410),
    "SessionExists": ("session_exists", 409), "SessionBusy": ("session_busy", 409),
    "VersionConflict": ("version_conflict", 412), "InvalidTransition": ("invalid_transition", 409),
    "WorkflowNotFound": ("workflow_not_found", 404), "CheckpointNotFound": ("checkpoint_not_found", 404),
    "GroupNotFound": ("group_not_found", 404), "InvalidInput": ("invalid_input", 422),
    "PayloadTooLarge": ("payload_too_large", 413), "AuthenticationRequired": ("unauthenticated", 401),
    "PermissionDenied": ("permission_denied", 403), "StoreUnavailable": ("store_unavailable", 503),
    "WaitTimeout": ("wait_timeout", 504),
}  # fmt: skip

LEAVES = [cls for name in errors.__all__ if isinstance(cls := getattr(errors, name), type)]


@pytest.mark.parametrize(("name", "expected"), CONTRACT.items())
def test_codes_and_statuses_are_the_contract_s(name: str, expected: tuple[str, int]) -> None:
    cls = getattr(errors, name)
    assert (cls.code, cls.status) == expected


@pytest.mark.parametrize("cls", LEAVES)
def test_every_error_can_be_rebuilt_from_what_a_channel_carries(cls: type[NexusError]) -> None:
    assert re.fullmatch(r"[a-z_]+", cls.code)
    assert 400 <= cls.status < 600
    rebuilt = error_from_code(cls.code, "what happened", {"field": "x"})
    assert rebuilt.code == cls.code
    assert (rebuilt.message, rebuilt.details) == ("what happened", {"field": "x"})


def test_a_code_of_a_newer_version_is_still_an_error() -> None:
    assert type(error_from_code("brand_new", "m")) is NexusError
