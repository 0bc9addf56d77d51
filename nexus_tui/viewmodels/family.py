"""A session's descendants as a tree of rows, of which only what was opened is held.

Pure: pages of children go in, rows come out. A node of which not all children were read ends with a row that stands
for the rest, so that a parent of a million costs no more than a page of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from nexus.model import Page, Session
from nexus_tui.viewmodels.session_rows import Context, columns, session_row
from nexus_tui.viewmodels.words import short_id
from nexus_widgets import Column, Row, Toned

PAGE = 100
"""Children that are read at once."""
_FIELDS = ("status", "workflow", "step", "age")
_DEEPEST = 6
"""Levels that are indented; deeper ones say theirs in figures."""
_REST = " "
"""Begins the key of a row that stands for the rest of a node's children: no id has a blank."""

FAMILY_COLUMNS = (
    Column("id", "SESSION", 26, min_width=16, flex=2, sortable=False, priority=10),
    *columns(_FIELDS),
)


@dataclass(slots=True)
class _Node:
    session: Session | None
    depth: int
    children: list[str] = field(default_factory=list)
    is_open: bool = False
    is_read: bool = False
    cursor: str | None = None
    total: int = 0


class Family:
    """The tree under one session."""

    def __init__(self, root: str) -> None:
        """Begin with nothing read.

        Args:
            root: Id of the session whose descendants these are.
        """
        self.root = root
        self._nodes: dict[str, _Node] = {root: _Node(None, -1, is_open=True)}

    @property
    def ids(self) -> set[str]:
        """Ids of all that are held, the root not among them."""
        return set(self._nodes) - {self.root}

    @property
    def total(self) -> int:
        """How many children the root has."""
        return self._nodes[self.root].total

    def put(self, parent: str, page: Page[Session], *, first: bool) -> None:
        """Take in a page of children.

        Args:
            parent: Whose.
            page: What was read.
            first: Whether it is the first page; those read before and not on it stay.
        """
        node = self._nodes.get(parent)
        if node is None:
            return
        for session in page.items:
            self._put(node, session)
        if not first or not node.is_read:
            node.cursor = page.next_cursor
        node.is_read = True
        node.total = max(page.total or 0, len(node.children))

    def renew(self, session: Session) -> None:
        """Take in a newer record of one that is held, or a new child of one whose children are all read.

        Args:
            session: As it is now.
        """
        if session.id in self._nodes:
            self._nodes[session.id].session = session
            return
        parent = self._nodes.get(session.parent_id or "")
        if parent is not None and parent.is_read:
            parent.total += 1
            if parent.cursor is None:
                self._put(parent, session)

    def is_rest(self, key: str) -> bool:
        """Whether a row stands for children that were not read yet."""
        return key.startswith(_REST)

    def owner_of(self, key: str) -> str:
        """The node that a row is, or of which it is the rest."""
        return key.removeprefix(_REST)

    def is_open(self, session_id: str) -> bool:
        """Whether a node's children are shown."""
        return self._nodes[session_id].is_open

    def is_read(self, session_id: str) -> bool:
        """Whether any of a node's children were read."""
        return self._nodes[session_id].is_read

    def count(self, session_id: str) -> int:
        """How many children a node has, as far as that is known."""
        return self._nodes[session_id].total

    def cursor(self, session_id: str) -> str | None:
        """Where the rest of a node's children begins."""
        return self._nodes[session_id].cursor

    def parent(self, session_id: str) -> str | None:
        """The node above, if it is a row."""
        session = self._nodes[session_id].session
        above = session.parent_id if session is not None else None
        return above if above != self.root else None

    def open(self, session_id: str, *, is_open: bool) -> None:
        """Show or hide a node's children."""
        self._nodes[session_id].is_open = is_open

    def rows(self, context: Context) -> list[Row]:
        """All rows that are shown, from top to bottom.

        Args:
            context: What cells need besides.
        """
        return list(self._rows(context))

    def _rows(self, context: Context) -> Iterator[Row]:
        pending = [(True, self.root)]
        while pending:
            is_node, session_id = pending.pop()
            node = self._nodes[session_id]
            if not is_node:
                yield self._rest(session_id, node)
                continue
            if node.session is not None:
                yield self._row(node, node.session, context)
            if node.is_open:
                if node.cursor is not None:
                    pending.append((False, session_id))
                pending += [(True, child) for child in reversed(node.children)]

    def _row(self, node: _Node, session: Session, context: Context) -> Row:
        known_childless = node.is_read and not node.children
        sign = "·" if known_childless else "▾" if node.is_open else "▸"
        name = f"{_indent(node.depth)}{sign} {short_id(session.id, 24)}"
        return Row(session.id, (name, *session_row(session, _FIELDS, context).cells))

    def _rest(self, session_id: str, node: _Node) -> Row:
        left = max(node.total - len(node.children), 1)
        text = f"{_indent(node.depth + 1)}… {left:,} more"
        return Row(f"{_REST}{session_id}", (Toned(text, "info"), *(Toned("") for _ in _FIELDS)))

    def _put(self, parent: _Node, session: Session) -> None:
        held = self._nodes.get(session.id)
        if held is None:
            self._nodes[session.id] = _Node(session, parent.depth + 1)
            parent.children.append(session.id)
        else:
            held.session = session


def _indent(depth: int) -> str:
    return "  " * depth if depth <= _DEEPEST else f"{'  ' * _DEEPEST}{depth}\u203a "
