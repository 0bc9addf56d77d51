"""The console's own themes; every theme that Textual knows can be chosen besides."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="nexus-dark",
    primary="#6cb6ff",
    secondary="#8b98ab",
    accent="#c9a0ff",
    success="#6bd68f",
    warning="#f0c062",
    error="#ff7b72",
    foreground="#d5dbe5",
    background="#0d1117",
    surface="#0d1117",
    panel="#161c26",
    dark=True,
    variables={
        "border-blurred": "#2b3442",
        "border": "#6cb6ff",
        "block-cursor-blurred-background": "#22304a",
        "block-cursor-blurred-foreground": "#d5dbe5",
        "block-cursor-background": "#2f5b96",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "scrollbar": "#2b3442",
        "scrollbar-background": "#0d1117",
    },
)
LIGHT = Theme(
    name="nexus-light",
    primary="#0b5cad",
    secondary="#5b6675",
    accent="#7a3fc4",
    success="#1a7440",
    warning="#8a5a00",
    error="#b91c1c",
    foreground="#1d2430",
    background="#fbfcfd",
    surface="#fbfcfd",
    panel="#eef1f5",
    dark=False,
    variables={
        "border-blurred": "#cdd5df",
        "border": "#0b5cad",
        "block-cursor-blurred-background": "#dbe7f5",
        "block-cursor-blurred-foreground": "#1d2430",
        "block-cursor-background": "#0b5cad",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "scrollbar": "#cdd5df",
        "scrollbar-background": "#fbfcfd",
    },
)

CHOICES = ("nexus-dark", "nexus-light", "textual-dark", "nord", "gruvbox", "catppuccin-mocha", "solarized-light")
"""What the theme key goes through; ``:theme NAME`` takes any."""
COLOURLESS = "textual-dark"
"""The theme under NO_COLOR: with those made of the terminal's own colours it would be black on black."""
