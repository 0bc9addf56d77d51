"""One frozen object of configuration, made at the edge: arguments, then environment, then file.

``NEXUS_<NAME>`` in the environment and ``[nexus]`` or top-level keys of ``nexus.toml`` (in the working folder, or
where ``NEXUS_CONFIG`` points) carry the same names as the constructor's keywords. Explicit arguments
win, then environment, then file. What doesn't fit is ``InvalidInput`` and names its origin.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args
from urllib.parse import urlsplit

import msgspec

from nexus.errors import InvalidInput
from nexus.model.namespace import DEFAULT, check_namespace
from nexus.model.token import SCOPES

Backend = Literal["sqlite", "memory", "redis"]
Executors = Literal["auto", "local", "docket"]
Durability = Literal["none", "process", "second", "power", "failover"]

DURABILITY_LEVELS: tuple[str, ...] = get_args(Durability)
"""Each includes those before it; ``nexus.stores.durability`` says what they mean."""


JWT_ALGORITHMS: tuple[str, ...] = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
"""Those with a public key alone: whoever can read a JWKS must not be able to sign."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting with its default. Durations are seconds; sizes are bytes; ``None`` or 0 means never."""

    session_backend: Backend = "sqlite"
    store: str | None = None
    redis_url: str = "redis://localhost:6379/0"
    session_prefix: str = "nexus:sessions:"
    namespace: str = DEFAULT
    redis_min_replicas: int = 0
    redis_replica_timeout: float = 1.0
    require_durability: Durability = "none"
    session_persistence: bool = False
    database_url: str | None = None
    session_timeout: float | None = 3600.0
    session_max_age: float | None = None
    session_retention: float | None = 7 * 86400.0
    archive_retention: float | None = None
    session_cleanup_interval: float = 300.0
    session_lock_timeout: float = 30.0
    enable_auth: bool = False
    session_auth_required: bool = False
    host: str = "127.0.0.1"
    api_port: int = 8000
    max_checkpoints: int = 100
    max_recoveries: int = 3
    recovery_interval: float = 30.0
    executor: Executors = "auto"
    embedded_worker: bool = True
    worker_concurrency: int = 100
    worker_grace: float = 5.0
    max_body_bytes: int = 1 << 20
    max_state_bytes: int = 1 << 20
    max_metadata_bytes: int | None = None
    """None: as ``max_state_bytes``."""
    max_id_length: int = 128
    max_group_sessions: int = 0
    max_live_sessions: int = 0
    max_requests_per_second: float = 0.0
    request_burst: int = 0
    """0: what the rate gives in two seconds."""
    max_streams: int = 10_000
    max_streams_per_actor: int = 0
    event_retention: float | None = None
    """None: as ``session_retention``."""
    audit_retention: float | None = None
    """None: the audit is kept for ever."""
    redact: tuple[str, ...] = ()
    """Rules that hide values: ``nexus.auth.redaction`` says how they are written."""
    jwt_issuer: str | None = None
    """The identity provider whose tokens let in besides Nexus's own; ``None``: none do."""
    jwt_audience: str | None = None
    """What such a token must name as meant by it."""
    jwt_jwks: str | None = None
    """Where the provider's keys are: a file, or an ``https`` address (``http`` on this machine)."""
    jwt_algorithms: tuple[str, ...] = JWT_ALGORITHMS
    jwt_actor_claim: str = "sub"
    jwt_scope_claim: str = "scope"
    jwt_scopes: tuple[str, ...] = ("nexus:run=run", "nexus:read=read", "nexus:operate=operate", "nexus:admin=admin")
    """``VALUE=SCOPE``: what a value of the scope claim lets its bearer do."""
    jwt_namespace_claim: str | None = None
    """The claim that says in which namespace its bearer acts; ``None``: in the default one."""
    jwt_leeway: float = 10.0

    @property
    def asks_who(self) -> bool:
        """Whether a server wants a token with every request: also where only sessions are made for known callers alone,
        since most requests can make one."""
        return self.enable_auth or self.session_auth_required

    def describe(self) -> dict[str, Any]:
        """All settings as JSON values."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


_NAMES = Settings.__struct_fields__
_SHORTEST_ID_LIMIT = 32
"""Ids that Nexus makes itself have to fit."""
_LONGEST_ID = 128
_JWT = tuple(name for name in _NAMES if name.startswith("jwt_"))
_MOST_LEEWAY = 300
_POSITIVE = (
    "session_cleanup_interval", "session_lock_timeout", "recovery_interval", "max_checkpoints", "max_recoveries",
    "worker_concurrency", "max_body_bytes", "max_state_bytes",
)  # fmt: skip


def load_settings(
    arguments: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    config_file: str | Path | None = None,
) -> Settings:
    """Merge the three sources.

    Args:
        arguments: Explicit keywords; those that are ``None`` count as not given.
        environ: The environment; the process's own by default.
        config_file: Where ``nexus.toml`` is; ``NEXUS_CONFIG`` or the working folder's by default.

    Raises:
        InvalidInput: An unknown name or a value that doesn't fit, with where it came from.
    """
    return explain_settings(arguments, environ, config_file)[0]


def explain_settings(
    arguments: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    config_file: str | Path | None = None,
) -> tuple[Settings, dict[str, str]]:
    """As ``load_settings``, with where each setting came from (``nexus config show``)."""
    env = os.environ if environ is None else environ
    merged: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for source, values in (
        _file_values(config_file or env.get("NEXUS_CONFIG"), required=bool(config_file or env.get("NEXUS_CONFIG"))),
        ("environment", _environment_values(env)),
        ("argument", {key: value for key, value in (arguments or {}).items() if value is not None}),
    ):
        for key, value in values.items():
            _known(key, source)
            merged[key], origin[key] = _convert(key, value, source), source
    settings = Settings(**merged)
    _check(settings, origin)
    return settings, {name: origin.get(name, "default") for name in _NAMES}


def _file_values(path: str | Path | None, *, required: bool) -> tuple[str, dict[str, Any]]:
    file = Path(path) if path else Path("nexus.toml")
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if required:
            raise InvalidInput(f"config file {file} does not exist", field="config", value=str(file)) from None
        return str(file), {}
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInput(f"config file {file} can't be read: {error}", field="config", value=str(file)) from None
    table = document.get("nexus", document)
    if not isinstance(table, dict):
        raise InvalidInput(f"{file}: nexus is no table: write [nexus] above the settings", field="nexus")
    return str(file), {key: value for key, value in table.items() if not isinstance(value, dict)}


def _environment_values(env: Mapping[str, str]) -> dict[str, str]:
    names = {f"NEXUS_{name.upper()}": name for name in _NAMES}
    return {names[key]: value for key, value in env.items() if key in names and value != ""}


def _known(key: str, source: str) -> None:
    if key not in _NAMES:
        close = get_close_matches(key, _NAMES, 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise InvalidInput(f"{source}: there is no setting {key!r}{hint}", field=key)


def _convert(key: str, value: Any, source: str) -> Any:
    kind = _TYPES[key]
    if isinstance(value, str) and value.strip().lower() in ("none", "never") and type(None) in get_args(kind):
        return None
    if kind is bool and isinstance(value, str):
        value = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(value.strip().lower(), value)
    if kind == tuple[str, ...] and isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    try:
        return msgspec.convert(value, kind, strict=not isinstance(value, str))
    except msgspec.ValidationError as error:
        raise InvalidInput(f"{source}: {key} = {value!r} does not fit: {error}", field=key, value=str(value)) from None


_TYPES: dict[str, Any] = {field.name: field.type for field in msgspec.structs.fields(Settings)}


def _check(settings: Settings, origin: Mapping[str, str]) -> None:
    for name in _POSITIVE:
        if not getattr(settings, name) > 0:
            _refuse(settings, name, origin, "must be above 0")
    for name in ("session_timeout", "session_max_age", "session_retention", "archive_retention", "audit_retention"):
        value = getattr(settings, name)
        if value is not None and not 0 <= value < 1e12:
            _refuse(settings, name, origin, "must be seconds from 0 up; 0 or none means never")
    _check_limits(settings, origin)
    check_namespace(settings.namespace)
    if not 0 <= settings.redis_min_replicas <= 100:
        _refuse(settings, "redis_min_replicas", origin, "must be a number of replicas from 0 to 100")
    if not 0.001 <= settings.redis_replica_timeout <= 60:
        _refuse(settings, "redis_replica_timeout", origin, "must be seconds from 0.001 to 60")
    if not 0 <= settings.worker_grace < 1e6:
        _refuse(settings, "worker_grace", origin, "must be seconds from 0 up")
    if not 0 <= settings.api_port <= 65535:
        _refuse(settings, "api_port", origin, "must be 0 to 65535; 0 picks a free port")
    _check_jwt(settings, origin)


def _check_limits(settings: Settings, origin: Mapping[str, str]) -> None:
    for name in ("max_group_sessions", "max_live_sessions", "max_streams", "max_streams_per_actor", "request_burst"):
        if not 0 <= getattr(settings, name) < 1 << 53:
            _refuse(settings, name, origin, "must be a number from 0 up; 0 means no limit")
    if settings.max_metadata_bytes is not None and settings.max_metadata_bytes <= 0:
        _refuse(settings, "max_metadata_bytes", origin, "must be above 0; none means as max_state_bytes")
    if not _SHORTEST_ID_LIMIT <= settings.max_id_length <= _LONGEST_ID:
        _refuse(settings, "max_id_length", origin, f"must be {_SHORTEST_ID_LIMIT} to {_LONGEST_ID}")
    rate = settings.max_requests_per_second
    if rate and not 0.01 <= rate <= 1e6:
        _refuse(settings, "max_requests_per_second", origin, "must be 0.01 to 1,000,000, or 0 for no limit")
    if settings.event_retention is not None and not 0 <= settings.event_retention < 1e12:
        _refuse(settings, "event_retention", origin, "must be seconds from 0 up; 0 means for ever")


def _check_jwt(settings: Settings, origin: Mapping[str, str]) -> None:
    given = [name for name in _JWT if name in origin and getattr(settings, name) is not None]
    if not given:
        return
    for name in ("jwt_issuer", "jwt_audience", "jwt_jwks"):
        value = getattr(settings, name)
        if value is None:
            _refuse(settings, name, origin, f"is missing beside {given[0]}: set jwt_issuer, jwt_audience and jwt_jwks")
        if not value.strip() or value != value.strip():
            _refuse(settings, name, origin, "must be a text without spaces around it")
    if not (settings.enable_auth or settings.session_auth_required):
        rule = "would let nobody in, because nobody is asked: set enable_auth, or session_auth_required for the library"
        _refuse(settings, "jwt_issuer", origin, rule)
    _check_jwks(settings, origin)
    _check_jwt_algorithms(settings, origin)
    for name in ("jwt_actor_claim", "jwt_scope_claim", "jwt_namespace_claim"):
        value = getattr(settings, name)
        if value is not None and not value.strip():
            _refuse(settings, name, origin, "must name a claim, such as sub or scope")
    _check_jwt_scopes(settings, origin)
    if not 0 <= settings.jwt_leeway <= _MOST_LEEWAY:
        _refuse(settings, "jwt_leeway", origin, f"must be 0 to {_MOST_LEEWAY} seconds: set clocks right instead")


def _check_jwks(settings: Settings, origin: Mapping[str, str]) -> None:
    where = settings.jwt_jwks or ""
    if "://" not in where:
        return
    if "@" in where:
        # Not the value itself: it would be in every log that tells of the mistake.
        raise InvalidInput(
            f"{origin.get('jwt_jwks', 'default')}: jwt_jwks must carry neither user nor password: keys are public",
            field="jwt_jwks",
        )
    try:
        parts = urlsplit(where)
        host = (parts.hostname or "").lower()
    except ValueError:
        _refuse(settings, "jwt_jwks", origin, "is no address: write https://HOST/PATH, or a file's path")
    if not host or parts.scheme not in ("https", "http"):
        _refuse(settings, "jwt_jwks", origin, "must be a file's path or an https address")
    if parts.scheme == "http" and not _is_loopback(host):
        _refuse(settings, "jwt_jwks", origin, "must be https: over http anybody on the way could put keys in")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_jwt_algorithms(settings: Settings, origin: Mapping[str, str]) -> None:
    for name in settings.jwt_algorithms or ("",):
        if name not in JWT_ALGORITHMS:
            shared = name.lower() == "none" or name.upper().startswith("HS")
            why = "is never taken: whoever reads the JWKS could sign" if shared else "is none"
            known = ", ".join(JWT_ALGORITHMS)
            _refuse(settings, "jwt_algorithms", origin, f"can't stand, {name or 'an empty list'} {why}: use {known}")


def _check_jwt_scopes(settings: Settings, origin: Mapping[str, str]) -> None:
    for rule in settings.jwt_scopes or ("",):
        value, sign, scope = rule.rpartition("=")
        if not (sign and value.strip() and not any(map(str.isspace, value)) and scope in SCOPES):
            _refuse(settings, "jwt_scopes", origin, f"can't stand: write VALUE=SCOPE, SCOPE one of {', '.join(SCOPES)}")


def _refuse(settings: Settings, name: str, origin: Mapping[str, str], rule: str) -> NoReturn:
    value = getattr(settings, name)
    raise InvalidInput(f"{origin.get(name, 'default')}: {name} = {value!r} {rule}", field=name, value=str(value))
