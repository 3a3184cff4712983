"""The walk: every step on both sides at the same time, and in what the answers differ."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from providers.er import Deadline, lifecycle
from providers.er.exceptions import ApiError
from providers.flow_log_provider import FlowLogError
from tests.live import sides
from tests.live.comparison import EMULATOR, LIVE, Answers, by_call, compared, differences, states
from tests.live.journal import Exchange
from tests.live.screen import Screen
from tests.live.sides import Do, Side

STEP_SECONDS = 600.0
CALL_WIDTH = 60  # characters


@dataclass(frozen=True)
class Step:
    """What is done on both sides: an operation of the provider, or a probe of something that it does not do."""

    title: str
    do: Do


STEPS = (
    Step("create", sides.create),
    Step("probe: create again, with the same X-Client-Token and body", sides.create_again),
    Step("probe: create again, with the same X-Client-Token and another body", sides.create_otherwise),
    Step("probe: create again, without X-Client-Token", sides.create_without_token),
    Step("probe: list with limit=1", sides.pages),
    Step("update name and description", sides.update),
    Step("disable", sides.disable),
    Step("enable", sides.enable),
    Step("refresh", sides.refresh),
    Step("import", sides.import_),
    Step("probe: delete while it is being disabled", sides.delete_while_busy),
    Step("delete", sides.delete),
    Step("probe: show what was deleted", sides.show_deleted),
)


class WalkError(Exception):
    """The walk on the real account could not go on; the text says why."""


@dataclass(frozen=True)
class Done:
    """How a step ended on one side: its calls, and a few words or an error."""

    exchanges: Sequence[Exchange]
    said: str = ""
    error: Exception | None = None


class Walk:
    """Both sides, and what was found so far."""

    def __init__(self, live: Side, emulator: Side, screen: Screen, stopped: threading.Event) -> None:
        self._live, self._emulator, self._screen, self._stopped = live, emulator, screen, stopped
        self.answers = 0
        """Pairs of answers that were compared."""
        self.different: Counter[str] = Counter()
        """In what they differed, and how often."""

    def go(self, steps: Sequence[Step] = STEPS) -> None:
        """All steps.

        Raises:
            WalkError: One of them failed on the real account, or the walk was stopped.
        """
        for step in steps:
            if self._stopped.is_set():
                raise WalkError("stopped")
            self._screen.say(step.title)
            with ThreadPoolExecutor(1) as pool:
                beside = pool.submit(self._done, step, self._emulator, Deadline(STEP_SECONDS, self._stopped))
                live = self._done(step, self._live, Deadline(STEP_SECONDS, self._stopped, self._screen.waits()))
                emulator = beside.result()
            if self._stopped.is_set():
                raise WalkError(f"stopped in the middle of: {step.title}")
            self.compare(live, emulator)
            if live.error:
                raise WalkError(str(live.error)) from live.error
            self._remove_strays()

    def compare(self, live: Done, emulator: Done, *, with_values: bool = True) -> None:
        """Show what came of a step on both sides, and in what that differs."""
        answers, expected = by_call(live.exchanges), by_call(emulator.exchanges)
        for one in answers.values():
            self._screen.say(_line(one))
        if passed_through := _states(live.exchanges):
            self._screen.say(f"  {passed_through}")
        if live.said or live.error:
            self._screen.say(f"  {live.error or live.said}")
        found = list(differences(answers, expected, with_values=with_values))
        seen, expected_states = _without_times(live.exchanges), _without_times(emulator.exchanges)
        # One without any state was refused, which is another line.
        if seen and expected_states and seen != expected_states:
            found.append(f"{LIVE} was seen as {seen}, {EMULATOR} as {expected_states}")
        if (live.said, live.error is None) != (emulator.said, emulator.error is None):
            found.append(f"{LIVE}: {_in_words(live)}; {EMULATOR}: {_in_words(emulator)}")
        self.answers += compared(answers, expected)
        self.different.update(found)
        for difference in found or ["same"]:
            self._screen.say(f"  {'≠ ' if found else ''}{difference}")

    def summary(self) -> None:
        """Show what was found in all."""
        number = len(self.different)
        self._screen.say(
            f"{self.answers} answers compared, {number} difference{'' if number == 1 else 's'}{':' if number else ''}"
        )
        for difference, times in self.different.items():
            self._screen.say(f"  {difference}{f' ({times} times)' if times > 1 else ''}")

    def _done(self, step: Step, side: Side, deadline: Deadline) -> Done:
        said, error = "", None
        try:
            if step.do is not sides.create and not side.id:
                raise FlowLogError("there is no flow log to do it with")
            said = step.do(side, deadline)
        except (ApiError, FlowLogError) as raised:
            error = raised
        return Done(side.journal.since_last_time(), said, error)

    def _remove_strays(self) -> None:
        """Delete what a probe has made beside the flow log, so that the next step is about one only."""
        for side, whose in ((self._live, LIVE), (self._emulator, EMULATOR)):
            for id_ in side.strays:
                deadline = Deadline(STEP_SECONDS, self._stopped, self._screen.waits())
                try:
                    lifecycle.delete(side.client.with_deadline(deadline), side.target.er_id, id_)
                except ApiError as error:
                    raise WalkError(str(error)) from error
                self._screen.say(f"  deleted the second flow log of {whose}, {id_}")
            side.strays.clear()
            side.journal.since_last_time()


def _line(answers: Answers) -> str:
    times = f", {answers.times} times" if answers.times > 1 else ""
    not_now = f", not counting {' and '.join(dict.fromkeys(answers.not_now))}" if answers.not_now else ""
    return f"  {answers.call:{CALL_WIDTH}}  {' → '.join(answers.verdicts)}{times}{not_now}"


def _states(exchanges: Sequence[Exchange]) -> str:
    seen = states(exchanges)
    if len(seen) < 2:
        return "".join(state for state, _ in seen)
    return f"{' → '.join(state for state, _ in seen)}, {seen[-1][1] - seen[0][1]:.1f} s"


def _without_times(exchanges: Sequence[Exchange]) -> str:
    return " → ".join(state for state, _ in states(exchanges))


def _in_words(done: Done) -> str:
    return str(done.error) if done.error else done.said or "done"
