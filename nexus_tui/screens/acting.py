"""ActingScreen: a screen whose sessions can be changed: asked how, planned where there are several, done, and undone.

A change of one session is asked and done; one of many is planned first, with the version of each frozen, then done in
parts. What is told is told after the commit.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import ClassVar, Literal

from nexus.errors import NexusError, StoreUnavailable
from nexus.model import Session
from nexus_tui.acting.alike import alike
from nexus_tui.acting.awaiting import awaited_by
from nexus_tui.acting.one import change_one
from nexus_tui.acting.plan import Item, Plan
from nexus_tui.acting.targets import Targets, names_of
from nexus_tui.acting.undoing import Done
from nexus_tui.beginning import begin
from nexus_tui.commands import Command
from nexus_tui.screens.base import nothing_under_the_cursor
from nexus_tui.screens.editing import Edit
from nexus_tui.screens.form import FormDialog
from nexus_tui.screens.moving import TimeScreen
from nexus_tui.screens.plan import PlanScreen
from nexus_tui.screens.progress import ProgressScreen
from nexus_tui.screens.report import ReportDialog
from nexus_tui.screens.steering_dialogs import (
    ApproveDialog,
    EndDialog,
    ExtendDialog,
    ForkDialog,
    PatchDialog,
    ResumeDialog,
    SignalDialog,
    read_extension,
)
from nexus_tui.steering import Change, Extend, Fork, Outcome, Undo
from nexus_tui.viewmodels.words import plural, until

_UNDOES = "  ctrl+z undoes"


class ActingScreen(TimeScreen):
    """A screen with sessions to act on."""

    noun: ClassVar[Literal["session", "group"]] = "session"
    """What its rows are."""

    # What a screen says of itself

    @abstractmethod
    def targets(self) -> Targets:
        """What a change would act on now."""
        ...

    @abstractmethod
    def current(self) -> Session | None:
        """The session that commands about one session are about, as it was when it was last read."""
        ...

    @abstractmethod
    def done(self, went_well: Collection[str], left: Collection[str], /) -> None:
        """Take note of a change whose commits are done or refused: those done, and those left as they were."""
        ...

    def are_marked(self, session_ids: Collection[str], /) -> bool:  # noqa: ARG002  screens with marks look
        """Whether these are marked."""
        return False

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Keep rows where they are while something is asked or confirmed."""
        yield

    def some_targets(self) -> Targets:
        """What a change would act on.

        Raises:
            InvalidInput: There is nothing.
        """
        targets = self.targets()
        if not targets:
            raise nothing_under_the_cursor(self.noun)
        return targets

    # What works now

    def refusal(self, command: Command) -> str:
        """As every screen; changes need something to change, and a place where it can be."""
        return super().refusal(command) or (self.why_unchangeable(command.name) if command.changes else "")

    def why_unchangeable(self, name: str) -> str:
        """Why a change can't be made here and now, whatever is under the cursor; empty where it can.

        Args:
            name: The command's.
        """
        if why := self.why_past:
            return why
        if self.feed.read_only:
            return "this console is read-only"
        if self.feed.link.state == "lost":
            return "there is no connection"
        if name == "undo":
            return "" if self.console.done_actions.last else "nothing was done here that could be undone"
        return "" if self.targets() else f"there is no {self.noun} under the cursor"

    # Commands

    def do_extend(self, by: str) -> None:
        """Ask by how much, unless it was said, and extend."""
        targets = self.some_targets()
        if by:
            self._begin(targets, Extend(read_extension(by)))
        else:
            self._ask(targets, ExtendDialog(targets))

    def do_end(self, _: str) -> None:
        """Ask as what and why, and end."""
        targets = self.some_targets()
        self._ask(targets, EndDialog(targets))

    def do_resume(self, _: str) -> None:
        """Ask with which inputs, and resume."""
        targets = self.some_targets()
        self._ask(targets, ResumeDialog(targets))

    def do_fork(self, new_id: str) -> None:
        """Ask for the new id, and fork."""
        targets = self.some_targets()
        self._ask(targets, ForkDialog(targets, new_id))

    def do_signal(self, name: str) -> None:
        """Ask for name and payload, and signal."""
        begin(self, partial(self._signal, self.some_targets(), name), "steer")

    def do_approve(self, _: str) -> None:
        """Give what is waited for, as approved."""
        begin(self, partial(self._approve, self.some_targets()), "steer")

    def do_patch(self, patch: str) -> None:
        """Edit the state of one, or ask for a patch of many."""
        targets = self.some_targets()
        if targets.only is None or patch:
            self._ask(targets, PatchDialog(targets, patch))
        else:
            begin(self, partial(self._edit, targets.only), "steer")

    def do_undo(self, _: str) -> None:
        """Take the last action back."""
        last = self.console.done_actions.last
        if last is None:
            self.tell("Nothing was done here that could be undone")
        elif last.why_not:
            self.console.done_actions.forget_last()
            self.tell(f"{last.what} can't be undone: {last.why_not}. ctrl+z again goes to what was done before it")
        else:
            begin(self, partial(self._undo, last), "steer")

    # Asking

    def _ask(self, targets: Targets, dialog: FormDialog[Change]) -> None:
        begin(self, partial(self._ask_and_act, targets, dialog), "steer")

    def _begin(self, targets: Targets, change: Change) -> None:
        begin(self, partial(self._hold_and_act, targets, change), "steer")

    async def _hold_and_act(self, targets: Targets, change: Change) -> None:
        with self.holding():
            await self._act(targets, change)

    async def _ask_and_act(self, targets: Targets, dialog: FormDialog[Change]) -> None:
        with self.holding():
            change = await self.app.push_screen_wait(dialog)
            if change is not None:
                await self._act(targets, change)

    async def _signal(self, targets: Targets, name: str) -> None:
        try:
            awaited = await awaited_by(self.feed, targets)
        except NexusError as error:
            self.complain(error)
            return
        await self._ask_and_act(targets, SignalDialog(targets, awaited, name))

    async def _approve(self, targets: Targets) -> None:
        try:
            awaited = await awaited_by(self.feed, targets)
        except NexusError as error:
            self.complain(error)
            return
        if awaited is None:
            self.tell(f"{names_of(targets.ids) or 'None of them'}: no run waits for a signal, nothing was done")
            return
        await self._ask_and_act(targets, ApproveDialog(targets, awaited))

    async def _edit(self, session_id: str) -> None:
        with self.holding():
            await Edit(self, session_id, self._tell_one).run()

    # Acting

    async def _act(self, targets: Targets, change: Change) -> None:
        if targets.only is not None:
            await self._change_one(change, targets.only)
        else:
            await self._change_many(targets, change)

    async def _change_one(self, change: Change, session_id: str) -> NexusError | None:
        """Do it and tell it; the refusal, which is told too."""
        return self._tell_one(change, session_id, await change_one(self.feed, change, session_id))

    def _tell_one(self, change: Change, session_id: str, outcome: Outcome) -> NexusError | None:
        self.console.log_of_actions.add(change.done, self.console.equivalents.of(change, [session_id]), [outcome])
        if outcome.error is not None:
            self.complain(outcome.error)
            return outcome.error
        if outcome.after is None:
            self.tell(f"{names_of([session_id])} had ended already: nothing was changed")
        else:
            self.console.done_actions.add_one(change, session_id, outcome.after)
            self.tell(self._told(change, outcome))
        self.done([session_id], [])
        return None

    async def _change_many(self, targets: Targets, change: Change) -> bool:
        """Plan, do and tell, as often as another plan is wanted; whether anything was tried, or could have been."""
        again: Targets | None = targets
        while again is not None:
            plan_screen = PlanScreen(self.feed, change, again)
            doing = await self.app.push_screen_wait(plan_screen)
            if doing is None:
                return plan_screen.is_hopeless
            if doing.plan.ends_group:
                await self._end_group(again, change)
                return True
            items = await self.app.push_screen_wait(ProgressScreen(self.feed, doing))
            again = await self._tell_many(doing.plan, items)
        return True

    async def _tell_many(self, plan: Plan, items: Sequence[Item]) -> Targets | None:
        """Take note of what came of it, and say it; whom another plan is wanted for."""
        change, targets = plan.change, plan.targets
        left = [item.session_id for item in items if not item.went_well]
        done = sum(item.outcome == "done" for item in items)
        said = f"{change.done}: {plural(done, 'session')}"
        self.console.log_of_actions.note(said, alike(self.console.equivalents, change, targets), done, len(items))
        self.console.done_actions.add_many(change, items, said)
        self.done([item.session_id for item in items if item.went_well], left)
        if not left:
            self.tell(f"{said}{'' if change.undoable else _UNDOES}")
            return None
        report = ReportDialog(said, items, stay=self.are_marked(left), again=not isinstance(change, Undo))
        return plan.again(items) if await self.app.push_screen_wait(report) else None

    async def _end_group(self, targets: Targets, change: Change) -> None:
        group, asked = targets.group or "", change.bulk()
        try:
            ended = await self.feed.end_group(group, asked.status, asked.reason)
        except NexusError as error:
            self.complain(error)
            return
        like = alike(self.console.equivalents, change, targets)
        self.console.log_of_actions.note(f"Group {group}: {change.done}", like, 1, 1)
        self.console.done_actions.add_final(
            f"Ending group {group}", "a group that has ended stays so; undo its sessions one by one"
        )
        still = f", {ended.live:,} of them still live" if ended.live else ""
        self.tell(f"Group {names_of([group])}: {change.done.lower()}, {plural(ended.total, 'session')} in it{still}")

    # Taking it back

    async def _undo(self, last: Done) -> None:
        """Of one at once; of many with a plan, which names those that can't be taken back."""
        if len(last.versions) == 1:
            session_id, version = next(iter(last.versions.items()))
            error = await self._change_one(Undo(version), session_id)
            was_tried = not isinstance(error, StoreUnavailable)
        else:
            with self.holding():
                was_tried = await self._change_many(Targets(tuple(last.versions), versions=last.versions), Undo())
        if was_tried and self.console.done_actions.last is last:
            self.console.done_actions.forget_last()

    def _told(self, change: Change, outcome: Outcome) -> str:
        said, after = f"{change.done}: {names_of([outcome.session_id])}", outcome.after
        if after is not None and isinstance(change, Fork):
            return f"{said} → {after.id}"
        if after is not None and isinstance(change, Extend):
            said = f"{said}, expires in {until(after.expires_at, self.feed.clock())}"
        return f"{said}{'' if change.undoable else _UNDOES}"
