"""One module a command of ``catalogue``; each has a Typer called ``app``."""
