"""How results leave: as a table for people, or as JSON, JSON lines, YAML or ids for programs.

JSON has the contract's own shapes. A table is drawn only on a terminal; in a pipe it is tab-separated values
without a header and without colour, a row a line. Text of sessions is made inert in every format: cleaned in
tables, escaped in JSON and YAML, where it comes back as it went in.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nexus.errors import InvalidInput

if TYPE_CHECKING:
    from nexus_tui.cli.views import View

FORMATS = ("table", "json", "jsonl", "yaml", "id")

# Legal in JSON strings, and still able to steer a terminal or to hide: DEL and C1 controls, invisible and
# bidirectional format characters, surrogates, tags.
_UNSAFE = re.compile(
    "[\\x7f-\\x9f\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f"
    "\\ufeff\\ufff9-\\ufffb\\ud800-\\udfff\\U000e0000-\\U000e0fff]"
)


def check_format(name: str | None) -> str:
    """The output format of that name, ``table`` for none.

    Raises:
        InvalidInput: There is no such format.
    """
    if name is None or name in FORMATS:
        return name or "table"
    raise InvalidInput(f"-o {name!r} is no format: use one of {', '.join(FORMATS)}", field="output", value=name)


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON that reads back exactly and that a terminal only draws."""
    return _UNSAFE.sub(_escaped, json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False))


def _escaped(match: re.Match[str]) -> str:
    point = ord(match[0])
    if point > 0xFFFF:
        point -= 0x10000
        return f"\\u{0xD800 + (point >> 10):04x}\\u{0xDC00 + (point & 0x3FF):04x}"
    return f"\\u{point:04x}"


def yaml_text(value: Any, *, many: bool = False) -> str:
    """YAML that reads back exactly; letters of every script stay readable where nothing unsafe is among them."""
    import yaml

    readable = _UNSAFE.search(json.dumps(value, ensure_ascii=False)) is None
    text: str = yaml.safe_dump(
        value, allow_unicode=readable, sort_keys=False, default_flow_style=False, width=100, explicit_start=many
    )
    return text


class Output:
    """Writes results to stdout in one format.

    Args:
        form: One of ``FORMATS``.
    """

    def __init__(self, form: str) -> None:
        self.form = form

    @property
    def drawn(self) -> bool:
        """Whether a person looks at it: a table, on a terminal."""
        return self.form == "table" and sys.stdout.isatty()

    @property
    def coloured(self) -> bool:
        """Whether colours may be used."""
        return self.drawn and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def record(self, shown: Mapping[str, Any], view: View) -> None:
        """Write one object."""
        if self.form == "table":
            from nexus_tui.cli.tables import record_lines

            self.write(record_lines(dict(shown), view, self))
        elif self.form == "id":
            self.write(f"{shown[view.id]}\n")
        else:
            self._document(shown, many=False)

    def rows(
        self, items: Sequence[Mapping[str, Any]], view: View, *, envelope: Mapping[str, Any] | None = None
    ) -> None:
        """Write a list.

        Args:
            items: The objects as JSON values.
            view: Which of their fields a table shows, and which is the id.
            envelope: What ``json`` and ``yaml`` show instead of the bare list: a page.
        """
        if self.form in {"json", "yaml"}:
            self._document(envelope if envelope is not None else list(items), many=False)
            return
        if self.drawn:
            from nexus_tui.cli.tables import table_lines

            self.write(table_lines(items, view, self))
            return
        for item in items:
            self.row(item, view)

    def row(self, item: Mapping[str, Any], view: View) -> None:
        """Write one of an endless list: a line, or with ``yaml`` a document."""
        if self.form == "table":
            from nexus_tui.cli.tables import plain_line, stream_line

            self.write(stream_line(item, view, self) if self.drawn else plain_line(item, view))
        elif self.form == "id":
            self.write(f"{item[view.id]}\n")
        else:
            self._document(item, many=True)

    def text(self, text: str) -> None:
        """Write lines that have no other form."""
        self.write(text)

    def _document(self, value: Any, *, many: bool) -> None:
        if self.form == "yaml":
            self.write(yaml_text(value, many=many))
        elif self.form == "json" and not many:
            self.write(json_text(value, indent=2 if sys.stdout.isatty() else None) + "\n")
        else:
            self.write(json_text(value) + "\n")

    @staticmethod
    def write(text: str | Iterable[str]) -> None:
        """Write to stdout."""
        sys.stdout.write(text if isinstance(text, str) else "".join(text))

    @staticmethod
    def flush() -> None:
        """Hand everything to the reader now, so that a reader that went away is noticed here."""
        sys.stdout.flush()
