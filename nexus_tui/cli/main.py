"""``nexus`` and ``nexus-tui``: the entry points.

Only what every line needs is imported here; see ``catalogue``. Results go to stdout, all else to stderr, and the
exit code is always one of ``ExitCode``.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Literal

import typer

from nexus.errors import InvalidInput
from nexus_tui.cli.catalogue import Catalogue
from nexus_tui.cli.diagnostics import Diagnostics, ExitCode, close_stdout, settle_stderr
from nexus_tui.cli.invocation import (
    AppOption,
    ContextOption,
    DebugOption,
    NamespaceOption,
    OutputOption,
    RevealOption,
    ServerOption,
    Shared,
    StoreOption,
    TokenOption,
    places_in,
    share,
)
from nexus_tui.cli.parameters import lighten


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version("nexus-tui")
        except PackageNotFoundError:
            found = "(run from a folder that is not installed)"
        sys.stdout.write(f"nexus {found}\n")
        raise typer.Exit


def _options(
    context: typer.Context,
    store: StoreOption = None,
    server: ServerOption = None,
    token: TokenOption = None,
    place: ContextOption = None,
    namespace: NamespaceOption = None,
    app: AppOption = None,
    output: OutputOption = None,
    reveal: RevealOption = False,
    debug: DebugOption = False,
    version: Annotated[  # noqa: ARG001 - its callback does all
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Durable sessions across HTTP, the command line and MCP.

    Shared options may stand before or behind the command. Results are on stdout, everything else is on stderr.

    Exit codes: 0 done; 1 the workflow failed; 2 usage or invalid input; 3 not found or expired;
    4 conflict or busy; 5 not allowed; 6 store or server unreachable.
    """
    share(context, Shared(store, server, token, places_in(place), namespace, app, output, reveal, debug))


def _root() -> typer.Typer:
    # Rich draws help for people; in a pipe nobody pays for it.
    markup: Literal["rich"] | None = "rich" if sys.stdout.isatty() and os.environ.get("TERM") != "dumb" else None
    root = typer.Typer(
        name="nexus",
        cls=Catalogue,
        rich_markup_mode=markup,
        no_args_is_help=True,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    root.callback()(_options)
    return root


def main(arguments: list[str] | None = None) -> int:
    """Run one command line.

    Args:
        arguments: Without the program's name; the process's own by default.

    Returns:
        The exit code.
    """
    given = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that can't show a glyph shows its code; nothing stops for it.
            stream.reconfigure(errors="backslashreplace")
    say = Diagnostics(as_json=_wants_json(given), debug="--debug" in given)
    try:
        built = typer.main.get_command(_root())
        lighten(built)
        outcome = built.main(args=given, prog_name="nexus", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        return _usage(error, say)
    except (typer.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        close_stdout()
        return ExitCode.PIPE_CLOSED
    finally:
        settle_stderr()
    return outcome if isinstance(outcome, int) else ExitCode.DONE


def console_main(arguments: list[str] | None = None) -> int:
    """``nexus-tui``: the console, with the arguments of ``nexus console``."""
    return main(["console", *(sys.argv[1:] if arguments is None else arguments)])


def _usage(error: typer.TyperException, say: Diagnostics) -> ExitCode:
    context = getattr(error, "ctx", None)
    message = error.format_message().rstrip(".")
    if type(error).__name__ == "NoArgsIsHelpError":
        say.help(error.format_message())
        return ExitCode.USAGE
    hint = f"; see {context.command_path} --help" if context is not None else ""
    return say.error(InvalidInput(f"{message}{hint}", field="arguments"))


def _wants_json(arguments: list[str]) -> bool:
    line = " ".join(arguments)
    return any(
        f"{option}{form}" in f"{line} "
        for option in ("-o ", "-o", "--output ", "--output=")
        for form in ("json ", "jsonl ")
    )


if __name__ == "__main__":
    sys.exit(main())
