"""What was done in the console, as command lines and requests that do the same."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from nexus_tui.cli.target import Target
from nexus_tui.equivalents import ActionLog, Equivalents, Place, place_of
from nexus_tui.shell import command_line, quoted, without_secrets
from nexus_tui.steering import Change, End, Extend, Fork, Outcome, Resume, Signal
from tests.widgets.support import HOSTILE

SERVER = Equivalents(Place(("--server", "http://prod:8000"), "http://prod:8000", has_token=True))

CHANGES: dict[str, tuple[Change, str, str]] = {
    "extend": (Extend(600), "nexus sessions extend --seconds 600 a --server http://prod:8000",
               '/sessions/a/extend -H \'Content-Type: application/json\' -d \'{"seconds":600}\''),
    "end": (End("cancelled", "wrong order"),
            "nexus sessions end --status cancelled --reason \'wrong order\' a --server http://prod:8000",
            ('/sessions/a/end -H \'Content-Type: application/json\' -d '
            '\'{"status":"cancelled","reason":"wrong order"}\'')),
    "resume": (Resume("checkpoint-3"),
               "nexus sessions resume --background --checkpoint checkpoint-3 a --server http://prod:8000",
               ('/sessions/a/resume -H \'Content-Type: application/json\' -d '
               '\'{"checkpoint_id":"checkpoint-3","background":true}\'')),
    "fork": (Fork(None, "b"), "nexus sessions fork --as b a --server http://prod:8000",
             '/sessions/a/fork -H \'Content-Type: application/json\' -d \'{"session_id":"b"}\''),
    "signal": (Signal("go", {"ok": True}),
               "nexus sessions signal --payload \'{\"ok\": true}\' a go --server http://prod:8000",
               ('/sessions/a/signal -H \'Content-Type: application/json\' -d '
               '\'{"name":"go","payload":{"ok":true}}\'')),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_has_its_command_line_and_its_request(name: str) -> None:
    change, command, request = CHANGES[name]
    like = SERVER.of(change, ("a",))
    assert like.commands == (command,)
    assert like.requests == (f'curl -X POST http://prod:8000{request} -H "Authorization: Bearer $NEXUS_TOKEN"',)


def test_what_was_confirmed_for_many_is_not_asked_again() -> None:
    like = SERVER.of(End("completed"), ("a", "b"))
    assert like.commands == ("nexus sessions end --yes --status completed a b --server http://prod:8000",)
    assert len(like.requests) == 2


def test_an_id_that_begins_with_a_dash_is_no_option() -> None:
    (command,) = Equivalents(Place()).of(Extend(5), ("-x",)).commands
    assert command == "nexus sessions extend --seconds 5 -- -x"


def test_neither_tokens_nor_passwords_nor_secrets_of_inputs_are_shown() -> None:
    target = Target(store="redis://app:hunter2@db:6379/0", token="tok-123", origin="--store")
    remote = Target(server="http://me:hunter2@prod:8000", token="tok-123", origin="--server")
    change = Resume(None, {"api_key": "hunter2", "deep": [{"Password": "hunter2"}], "rows": 3, "token": None})
    for each in (target, remote):
        like = Equivalents(place_of(each)).of(change, ("a",))
        text = " ".join((*like.commands, *like.requests))
        assert "hunter2" not in text
        assert "tok-123" not in text
        assert "***" in text
        assert '"rows"' in text


def test_secrets_are_hidden_by_their_names_and_nothing_else_is() -> None:
    value = {"password": "x", "tokens": 12, "passing": "y", "secret_sauce": [1], "list": [{"apiKey": "z"}]}
    assert without_secrets(value) == {
        "password": "***", "tokens": "***", "passing": "y", "secret_sauce": "***", "list": [{"apiKey": "***"}],
    }  # fmt: skip


@pytest.mark.parametrize("text", [*HOSTILE, "", "a b", "$HOME", "`id`", "it's", "\\", "!!", "-x", "a\nb", "ü", "日本"])
def test_a_shell_gets_every_argument_as_it_is(text: str) -> None:
    text = text.encode("utf-8", "replace").decode().replace("\0", "")
    line = command_line(("printf", "%s", text))
    assert line.isprintable()
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})
    assert done.stdout.decode() == text


def test_plain_arguments_stay_plain() -> None:
    assert quoted("checkpoint-3") == "checkpoint-3"
    assert shlex.split(quoted("wrong order")) == ["wrong order"]


def test_looking_again_at_the_same_thing_is_one_line_of_the_log() -> None:
    log = ActionLog(lambda: 5.0)
    for _ in range(3):
        log.add("Listed all", SERVER.listing("", "-created_at"))
    log.add("Extended", SERVER.of(Extend(5), ("a",)), [Outcome("a")])
    log.add("Extended", SERVER.of(Extend(5), ("a",)), [Outcome("a")])
    assert [(action.what, action.done, action.of) for action in log.actions] == [
        ("Listed all", 0, 0), ("Extended", 1, 1), ("Extended", 1, 1),
    ]  # fmt: skip


def test_what_is_listed_and_opened_has_its_command_too() -> None:
    like = SERVER.listing("status:failed age>10m", "-last_activity")
    assert like.commands == (
        "nexus sessions list -q 'status:failed age>10m' --sort=-last_activity --server http://prod:8000",
    )
    assert "/sessions?q=status%3Afailed%20age%3E10m&sort=-last_activity" in like.requests[0]
    assert SERVER.showing("a").commands == ("nexus sessions show a --server http://prod:8000",)
