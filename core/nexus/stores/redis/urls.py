"""How the place of a Redis store is written, and what is read out of it.

- ``redis://[USER:PASSWORD@]HOST[:PORT][/DB]``, and ``rediss://`` for TLS
- ``unix://[USER:PASSWORD@]/path/to/socket[?db=DB]``
- ``redis+sentinel://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT]/SERVICE[/DB]``
- ``redis+cluster://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT]``
- ``rediss+sentinel://`` and ``rediss+cluster://`` for TLS, to all servers and Sentinels

User and password are those of the servers; Sentinels are asked with ``?sentinel_username=NAME&sentinel_password=TEXT``,
or without any. Where there is TLS, ``?ssl_ca_certs=FILE``, ``ssl_certfile=FILE``, ``ssl_keyfile=FILE``,
``ssl_cert_reqs=required|none`` and ``ssl_check_hostname=true|false`` are taken. Each takes ``?shards=N``, from 1 to
256: how many parts the store is spread over, which is fixed when it is made. User, password and path are
percent-encoded where they have to be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote

import msgspec

from nexus.errors import InvalidInput

SCHEMES: Final = frozenset(
    {"redis", "rediss", "unix", "redis+sentinel", "redis+cluster", "rediss+sentinel", "rediss+cluster"}
)
_PORTS: Final = {"redis+sentinel": 26379}
_MOST_SHARDS: Final = 256
_TLS: Final = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname"})
_CHOICES: Final = {"ssl_cert_reqs": ("required", "none"), "ssl_check_hostname": ("true", "false")}
_SECRET: Final = re.compile(r"(sentinel_password=)[^&]*", re.IGNORECASE)
_ACCEPTED: Final = (
    "redis://HOST:PORT/DB, rediss://HOST:PORT/DB, unix:///SOCKET?db=DB,"
    " redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB, redis+cluster://HOST:PORT,HOST:PORT, and with rediss for TLS"
)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed URL."""

    scheme: str
    """``redis``, ``unix``, ``redis+sentinel`` or ``redis+cluster``."""
    secure: bool = False
    """Whether TLS is spoken to all of them."""
    hosts: tuple[tuple[str, int], ...] = ()
    socket: str = ""
    service: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = None
    sentinel_username: str | None = None
    sentinel_password: str | None = None
    tls: Mapping[str, str] = {}
    shards: int | None = None
    """How many the store shall have; ``None`` for what is usual there."""
    shown: str = ""
    """The URL without user and password, for messages."""


def parse_url(url: str) -> Place:
    """Read a URL.

    Raises:
        InvalidInput: It has another form; the message says what is wrong, and never shows a password.
    """
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    userinfo, _, rest = rest.rpartition("@")
    shown = _SECRET.sub(r"\1***", f"{scheme}://{rest}")[:200]
    if not separator or scheme not in SCHEMES:
        raise _refused(shown, "is not the URL of a Redis store")
    address, _, query = rest.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    username, colon, password = userinfo.partition(":")
    common = Place(
        scheme=scheme.replace("rediss", "redis"),
        secure=scheme.startswith("rediss"),
        username=unquote(username) or None,
        password=unquote(password) if colon else None,
        shards=_shards(shown, options.pop("shards", None)),
        shown=shown,
    )
    if scheme == "unix":
        return _socket(common, address, options)
    return _network(common, address, options)


def _socket(place: Place, path: str, options: dict[str, str]) -> Place:
    db = options.pop("db", "0")
    _no_more(place, options)
    if not path.startswith("/") or path == "/":
        raise _refused(place.shown, "names no socket: write unix:///path/to/socket")
    return msgspec.structs.replace(place, socket=unquote(path), db=_db(place, db))


def _network(place: Place, address: str, options: dict[str, str]) -> Place:
    hosts, *path = address.split("/")
    path = [unquote(part) for part in path if part]
    service = ""
    if place.scheme == "redis+sentinel":
        if not path:
            raise _refused(place.shown, "names no service: write redis+sentinel://HOST:PORT,HOST:PORT/SERVICE")
        service = path.pop(0)
    if len(path) > (0 if place.scheme == "redis+cluster" else 1):
        raise _refused(place.shown, f"has too long a path at {path[-1][:40]!r}")
    tls = {name: options.pop(name) for name in list(options) if place.secure and name in _TLS}
    for name, accepted in _CHOICES.items():
        if tls.get(name, accepted[0]) not in accepted:
            raise _refused(place.shown, f"has an {name} that is neither {accepted[0]!r} nor {accepted[1]!r}")
    watchers = {
        name: options.pop(name, None) for name in ("sentinel_username", "sentinel_password") if service
    }  # fmt: skip
    _no_more(place, options)
    names = hosts.split(",")
    if len(names) > 1 and place.scheme == "redis":
        raise _refused(place.shown, "names several hosts: that needs redis+sentinel:// or redis+cluster://")
    port = _PORTS.get(place.scheme, 6379)
    return msgspec.structs.replace(
        place,
        hosts=tuple(_host(place, name, port) for name in names),
        service=service,
        db=_db(place, path[0] if path else "0"),
        tls=tls,
        **watchers,
    )


def _host(place: Place, text: str, default: int) -> tuple[str, int]:
    bracketed = text.startswith("[") and "]" in text
    name, rest = (text[1 : text.index("]")], text[text.index("]") + 1 :]) if bracketed else (text, "")
    if not bracketed:
        name, colon, port = text.partition(":")
        rest = colon + port
    digits = rest[1:]
    if not name or (rest and not (rest[0] == ":" and digits.isascii() and digits.isdigit() and int(digits) < 65536)):
        raise _refused(place.shown, f"has no host and port at {text[:60]!r}")
    return name, int(digits) if digits else default


def _db(place: Place, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 6:
        return int(text)
    raise _refused(place.shown, f"has {text[:40]!r} where the number of a database stands")


def _shards(shown: str, text: str | None) -> int | None:
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= _MOST_SHARDS:
        return int(text)
    raise _refused(shown, f"has {text[:40]!r} shards: use 1 to {_MOST_SHARDS}")


def _no_more(place: Place, options: dict[str, str]) -> None:
    if options:
        raise _refused(place.shown, f"has the unknown option {next(iter(options))[:40]!r}")


def _refused(shown: str, why: str) -> InvalidInput:
    return InvalidInput(f"store {shown!r} {why}: accepted are {_ACCEPTED}", field="store", value=shown)
