"""Records as bytes, with what a newer version of Nexus has added to them kept as it is.

Two versions may work on one store at once, as while a fleet is being updated. A record that the newer one has
written may have fields that this one doesn't know. It reads past them, and writes them back unchanged with whatever
else it changes: they travel in the record's ``newer``, as they were encoded. A field for which that is not good
enough, because an older version must not work on such a record at all, needs a new format of the store instead
(``docs/decisions/0014-two-versions.md``).

Records that are kept so forbid unknown fields, so that to find out that there are none costs nothing.
"""

from __future__ import annotations

import operator
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar, cast

import msgspec
from msgspec.structs import force_setattr

_json: Final = msgspec.json.Encoder()
_msgpack: Final = msgspec.msgpack.Encoder()
_fields_of_json: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_fields_of_msgpack: Final = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])
_OWN: Final = "newer"


class _Kept(Protocol):
    @property
    def newer(self) -> bytes: ...


R = TypeVar("R", bound=_Kept)
T = TypeVar("T")
_Encoder: TypeAlias = msgspec.json.Encoder | msgspec.msgpack.Encoder
_Decoder: TypeAlias = msgspec.json.Decoder[T] | msgspec.msgpack.Decoder[T]


class Lean:
    """Encodes one kind of record as a JSON object, without fields that have their default.

    Args:
        kind: Its class.
        without: Fields that are not part of the document.
    """

    def __init__(self, kind: type[Any], without: frozenset[str]) -> None:
        fields = [field for field in msgspec.structs.fields(_struct(kind)) if field.name not in without]
        fields.sort(key=lambda field: not field.required)
        self._read = operator.attrgetter(*(field.name for field in fields))
        self._document: Any = msgspec.defstruct(
            f"{kind.__name__}Document", [_definition(field) for field in fields], omit_defaults=True
        )

    def encode(self, record: object) -> bytes:
        """The document."""
        return _json.encode(self._document(*self._read(record)))


class _Reading(Generic[R]):
    """How documents of one kind of record are read, in either encoding.

    Args:
        kind: Its class.
        decoder: Reads a record, and no unknown field.
        fields: Reads any fields, as they were encoded.
        encoder: Writes them again.
    """

    def __init__(
        self, kind: type[R], decoder: _Decoder[R], fields: _Decoder[dict[str, msgspec.Raw]], encoder: _Encoder
    ) -> None:
        self._decoder, self._fields, self._encoder = decoder, fields, encoder
        self._known = frozenset(field.name for field in msgspec.structs.fields(_struct(kind)))

    def decode(self, document: bytes) -> R:
        """The record.

        Raises:
            msgspec.ValidationError: It is none of this kind.
        """
        try:
            return self._decoder.decode(document)
        except msgspec.ValidationError:
            known, newer = _parted(self._fields.decode(document), self._known, self._encoder)
            if not newer:
                raise
            return _with(self._decoder.decode(known), newer)


class JsonRecord(_Reading[R]):
    """One kind of record as a JSON object.

    Args:
        kind: Its class: it forbids unknown fields, and has a field ``newer``.
        without: Fields that are not part of the document.
    """

    def __init__(self, kind: type[R], without: frozenset[str] = frozenset()) -> None:
        super().__init__(kind, msgspec.json.Decoder(kind), _fields_of_json, _json)
        self._lean = Lean(kind, without | {_OWN})

    def encode(self, record: R) -> bytes:
        """The document."""
        document = self._lean.encode(record)
        # A record has a field without a default, so its document is no empty object.
        return document[:-1] + b"," + record.newer[1:] if record.newer else document


class PackedRecord(_Reading[R]):
    """One kind of record as a MessagePack map.

    Args:
        kind: Its class: it forbids unknown fields, leaves defaults out, and has a field ``newer``.
    """

    def __init__(self, kind: type[R]) -> None:
        super().__init__(kind, msgspec.msgpack.Decoder(kind), _fields_of_msgpack, _msgpack)

    def encode(self, record: R) -> bytes:
        """The document."""
        document = _msgpack.encode(record)
        if not record.newer:
            return document
        fields = _fields_of_msgpack.decode(document)
        del fields[_OWN]
        return _msgpack.encode({**fields, **_fields_of_msgpack.decode(record.newer)})


def _struct(kind: type[Any]) -> type[msgspec.Struct]:
    return cast("type[msgspec.Struct]", kind)


def _definition(field: msgspec.structs.FieldInfo) -> tuple[str, Any] | tuple[str, Any, Any]:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.name, field.type, msgspec.field(default_factory=field.default_factory)
    return (field.name, field.type) if field.required else (field.name, field.type, field.default)


def _parted(fields: dict[str, msgspec.Raw], known: frozenset[str], encoder: _Encoder) -> tuple[bytes, bytes]:
    """The document of what this version knows, and that of what it doesn't: nothing where it knows all."""
    unknown = {name: value for name, value in fields.items() if name not in known}
    rest = {name: value for name, value in fields.items() if name in known}
    return encoder.encode(rest), encoder.encode(unknown) if unknown else b""


def _with(record: R, newer: bytes) -> R:
    force_setattr(cast("msgspec.Struct", record), _OWN, newer)
    return record
