"""Tones: what a piece of text means, so that a theme can choose its colour.

Callers name a tone and never a colour. Every widget that shows toned text adds `tone_css(its own name)` to its
CSS and `TONE_CLASSES` to its component classes; a tone is always carried by a word or a glyph as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from nexus_widgets.styles import base_style

if TYPE_CHECKING:
    from rich.style import Style
    from textual.widget import Widget

Tone = Literal["plain", "muted", "info", "good", "warn", "bad", "cat1", "cat2", "cat3", "cat4"]
"""Meaning of a text: four grades, and four categories without an order (channels, for instance)."""

_RULES: Final[dict[str, str]] = {
    "muted": "color: $text-muted;",
    "info": "color: $text-primary;",
    "good": "color: $text-success;",
    "warn": "color: $text-warning;",
    "bad": "color: $text-error; text-style: bold;",
    "cat1": "color: $text-primary;",
    "cat2": "color: $text-success;",
    "cat3": "color: $text-accent;",
    "cat4": "color: $text-secondary;",
}

TONE_CLASSES: Final[frozenset[str]] = frozenset(f"tone--{name}" for name in _RULES)
"""Component classes of the tones."""


@dataclass(frozen=True, slots=True)
class Toned:
    """A text with a meaning, for a table cell or a line."""

    text: str
    tone: Tone = "plain"


def tone_css(widget: str) -> str:
    """Write the CSS rules that give a widget's tones their colours.

    Args:
        widget: The widget's class name.
    """
    return "".join(f"{widget} > .tone--{name} {{ {rule} }}\n" for name, rule in _RULES.items())


def tone_style(widget: Widget, tone: Tone) -> Style:
    """Resolve a tone on a widget.

    Args:
        widget: A widget that declares `TONE_CLASSES`.
        tone: The tone.

    Returns:
        A Rich style with a foreground and a background.
    """
    return base_style(widget) if tone == "plain" else widget.get_component_rich_style(f"tone--{tone}")
