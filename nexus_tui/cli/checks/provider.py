"""The identity provider whose tokens let in: whether its keys are to be had."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Final

from nexus.errors import NexusError
from nexus.settings import Settings, load_settings
from nexus_tui.cli.checks.finding import Finding
from nexus_tui.cli.target import Target

FACTS: Final = frozenset({"jwt_keys", "jwt_keys_age"})
_FIX: Final = "see that jwt_jwks is the provider's jwks_uri, and can be reached from here"


def provider(target: Target) -> Iterator[Finding]:
    """Read the keys as a server here would; nothing where no provider is named, or where a server has its own."""
    if target.remote:
        return
    try:
        settings = load_settings() if target.app is None else target.local_app().settings
    except NexusError:
        return  # told by the checks of config and app
    if settings.jwt_issuer is not None and settings.jwt_jwks is not None:
        yield _keys(settings, settings.jwt_jwks)


def _keys(settings: Settings, where: str) -> Finding:
    from nexus.auth.jwt_source import read_once

    begun = time.perf_counter()
    try:
        keys = read_once(where)
    except ValueError as error:
        return Finding("jwt", "fail", f"{settings.jwt_issuer}: no keys from {where}: {error}", _FIX)
    took = (time.perf_counter() - begun) * 1000
    usable = [key for key in keys if key.algorithms & set(settings.jwt_algorithms)]
    count = f"{len(usable)} key{'' if len(usable) == 1 else 's'}"
    found = f"{settings.jwt_issuer}: {count} from {where} in {took:.0f} ms"
    if not usable:
        return Finding("jwt", "fail", found, "have jwt_algorithms name an algorithm that the provider signs with")
    return Finding("jwt", "ok", found)


def provider_of_server(facts: Mapping[str, str]) -> Iterator[Finding]:
    """How a server stands with its provider's keys; nothing where it has none."""
    word, age = facts.get("jwt_keys"), facts.get("jwt_keys_age", "")
    if word == "current":
        yield Finding("jwt", "ok", f"the provider's keys were read {age} s ago")
    elif word is not None:
        known = "none are known" if word == "missing" else f"those of {age} s ago are in force, for 6 hours at most"
        yield Finding("jwt", "warn", f"the provider's keys can't be read: {known}", "the server's log has the cause")
