"""What all commands share: where they act, how they answer, and how their errors end.

``command`` makes a Typer command of a function whose first parameter is the ``Invocation``. The shared options
are taken before the command, after its group, or behind it; the one nearest to the end of the line wins.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from nexus.errors import InvalidInput, NexusError
from nexus_tui.cli.diagnostics import Diagnostics, ExitCode, close_stdout, take_logs
from nexus_tui.cli.output import FORMATS, Output, check_format
from nexus_tui.cli.target import Target, resolve_target

P = ParamSpec("P")
Outcome = ExitCode | None
"""What a command's function may give back; ``None`` is done."""

_PANEL = "Where it acts, how it answers"


def _formats(incomplete: str) -> list[str]:
    return [name for name in FORMATS if name.startswith(incomplete)]


StoreOption = Annotated[
    str | None, typer.Option("--store", metavar="URL", help="Act on this store.", rich_help_panel=_PANEL)
]
ServerOption = Annotated[
    str | None, typer.Option("--server", metavar="URL", help="Act on this server.", rich_help_panel=_PANEL)
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token", metavar="TOKEN", rich_help_panel=_PANEL, help="Token for the server, or @FILE; or NEXUS_TOKEN."
    ),
]
ContextOption = Annotated[
    list[str] | None,
    typer.Option(
        "--context", metavar="NAME", rich_help_panel=_PANEL,
        help="Act on the place of this name; or NEXUS_CONTEXT, or what nexus contexts use has chosen.",
    ),
]  # fmt: skip
NamespaceOption = Annotated[
    str | None,
    typer.Option(
        "--namespace", metavar="NAME", rich_help_panel=_PANEL,
        help="Act in this namespace; or NEXUS_NAMESPACE, or the context's. default is the store itself.",
    ),
]  # fmt: skip
AppOption = Annotated[
    str | None,
    typer.Option(
        "--app", metavar="MODULE:ATTR", rich_help_panel=_PANEL,
        help="The app that names the workflows; or NEXUS_APP, or nexus_app.py here; none for no app.",
    ),
]  # fmt: skip
OutputOption = Annotated[
    str | None,
    typer.Option(
        "-o", "--output", metavar="FORMAT", autocompletion=_formats, rich_help_panel=_PANEL,
        help="table, json, jsonl, yaml or id.",
    ),
]  # fmt: skip
RevealOption = Annotated[
    bool,
    typer.Option("--reveal", rich_help_panel=_PANEL, help="Show what redact rules hide; on a server, as an admin."),
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", rich_help_panel=_PANEL)]


@dataclass(frozen=True, slots=True)
class Shared:
    """The shared options as they were given at one place of the command line."""

    store: str | None = None
    server: str | None = None
    token: str | None = None
    place: str | None = None
    namespace: str | None = None
    app: str | None = None
    output: str | None = None
    reveal: bool = False
    debug: bool = False

    def then(self, later: Shared) -> Shared:
        """These, with what was given later laid over them."""
        given = {field.name: getattr(later, field.name) for field in fields(later) if getattr(later, field.name)}
        return replace(self, **given)


_ANNOTATIONS: dict[str, Any] = {
    "store": StoreOption, "server": ServerOption, "token": TokenOption, "place": ContextOption,
    "namespace": NamespaceOption, "app": AppOption,
    "output": OutputOption, "reveal": RevealOption, "debug": DebugOption,
}  # fmt: skip
_NAMES = tuple(_ANNOTATIONS)
_FLAGS = frozenset({"reveal", "debug"})


@dataclass(frozen=True, slots=True)
class Invocation:
    """One run of a command."""

    target: Target
    output: Output
    say: Diagnostics
    context: typer.Context

    @property
    def extra(self) -> list[str]:
        """Arguments that the command's own parameters did not take."""
        return list(self.context.args)


def share(context: typer.Context, given: Shared) -> Shared:
    """Lay shared options over those from further left, for the commands further right."""
    before = context.obj if isinstance(context.obj, Shared) else Shared()
    merged = before.then(given)
    context.obj = merged
    return merged


def places_in(given: list[str] | None) -> str | None:
    """The contexts that were named at one place of the command line, apart by commas.

    Args:
        given: The values of ``--context``, each maybe several names.
    """
    names = [name.strip() for each in given or () for name in each.split(",")]
    return ",".join(dict.fromkeys(name for name in names if name)) or None


def places_of(call: Invocation) -> list[str]:
    """The contexts that a command was given, in order; none where no option names one.

    Args:
        call: The run of a command that takes several.
    """
    shared = call.context.obj
    return shared.place.split(",") if isinstance(shared, Shared) and shared.place else []


def alone() -> typer.Typer:
    """The Typer of a command that is no group."""
    return typer.Typer(add_completion=False, rich_markup_mode=None)


def group(help_text: str) -> typer.Typer:
    """A group of commands that takes the shared options too."""
    made = typer.Typer(help=help_text, no_args_is_help=True, add_completion=False, rich_markup_mode=None)

    def options(
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
    ) -> None:
        share(context, Shared(store, server, token, places_in(place), namespace, app, output, reveal, debug))

    made.callback()(options)
    return made


def command(
    app: typer.Typer,
    name: str,
    *,
    without: tuple[str, ...] = (),
    several: bool = False,
    **settings: Any,
) -> Callable[[Callable[Concatenate[Invocation, P], Outcome | Coroutine[Any, Any, Outcome]]], Callable[..., None]]:
    """Declare a command.

    Args:
        app: The group it belongs to.
        name: Its name.
        without: Shared options that mean nothing to it; given all the same, they are refused.
        several: Whether it works on several contexts at once: ``places_of`` names them.
        **settings: For ``Typer.command``.

    Returns:
        A decorator for a function, sync or async, that takes the invocation first; its docstring is the help.
    """

    def decorate(
        function: Callable[Concatenate[Invocation, P], Outcome | Coroutine[Any, Any, Outcome]],
    ) -> Callable[..., None]:
        def run(**given: Any) -> None:
            context: typer.Context = given.pop("context")
            own = {key: given.pop(key) for key in _NAMES if key in given}
            shared = share(context, Shared(**{**own, "place": places_in(own.get("place"))}))
            if several and shared.place:
                # Which of them it is about is the command's own; it opens them itself.
                shared = replace(shared, place=shared.place.split(",")[0])
            raise typer.Exit(_invoke(function, context, shared, without, given))

        run.__name__, run.__doc__ = function.__name__, function.__doc__
        run.__signature__ = _signature(function, without)  # type: ignore[attr-defined]
        run.__annotations__ = {name: p.annotation for name, p in run.__signature__.parameters.items()}  # type: ignore[attr-defined]
        app.command(name, **settings)(run)
        return run

    return decorate


def _signature(function: Callable[..., Any], without: tuple[str, ...]) -> inspect.Signature:
    kind = inspect.Parameter.KEYWORD_ONLY
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    shared = [
        inspect.Parameter(name, kind, annotation=annotation, default=False if name in _FLAGS else None)
        for name, annotation in _ANNOTATIONS.items()
        if name not in without
    ]
    context = inspect.Parameter("context", kind, annotation=typer.Context)
    return inspect.Signature([context, *(parameter.replace(kind=kind) for parameter in own), *shared])


def _invoke(
    function: Callable[..., Any],
    context: typer.Context,
    shared: Shared,
    without: tuple[str, ...],
    given: dict[str, Any],
) -> int:
    say = Diagnostics(as_json=shared.output in {"json", "jsonl"}, debug=shared.debug)
    try:
        _refuse(shared, without, context)
        invocation = Invocation(_target(shared), Output(check_format(shared.output)), say, context)
        outcome = function(invocation, **given)
        if inspect.iscoroutine(outcome):
            import asyncio  # 20 ms that help and completion need not pay

            take_logs()
            outcome = asyncio.run(outcome)
        invocation.output.flush()
        return int(outcome or ExitCode.DONE)
    except NexusError as error:
        return say.error(error)
    except BrokenPipeError:
        close_stdout()
        return ExitCode.PIPE_CLOSED
    except KeyboardInterrupt:
        say.status("")
        return ExitCode.INTERRUPTED
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if isinstance(error, typer.TyperException):
            raise
        return say.unexpected(error)


def _target(shared: Shared) -> Target:
    target = resolve_target(
        store=shared.store, server=shared.server, token=shared.token, app=shared.app, context=shared.place,
        namespace=shared.namespace,
    )  # fmt: skip
    return replace(target, reveal=True) if shared.reveal else target


def _refuse(shared: Shared, without: tuple[str, ...], context: typer.Context) -> None:
    for name in without:
        if getattr(shared, name):
            option = "context" if name == "place" else name
            raise InvalidInput(f"--{option} means nothing to {context.command_path}: leave it out", field=option)
