"""The walk: every step on both sides at the same time, and how the answers differ."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from providers.er import Deadline, lifecycle
from providers.er.exceptions import ApiError
from providers.resource import ResourceError
from tests.live import sides
from tests.live.comparison import EMULATOR, LIVE, Answers, count_compared, differences, group_by_call, states
from tests.live.journal import Exchange
from tests.live.screen import Screen
from tests.live.sides import Do, Side

STEP_SECONDS = 600.0
CALL_WIDTH = 60  # characters


@dataclass(frozen=True)
class Step:
    """An operation of the provider, or a probe of something that the provider does not do."""

    title: str
    do: Do


STEPS = (
    Step("create", sides.create),
    Step("probe: create again, with the same X-Client-Token and body", sides.create_again),
    Step(
        "probe: create again, with the same X-Client-Token and another body",
        partial(sides.create_again, description="another description"),
    ),
    Step("probe: create again, without X-Client-Token", partial(sides.create_again, with_token=False)),
    Step("probe: list with limit=1", sides.list_pages),
    Step("update name and description", sides.update),
    Step("disable", partial(sides.update, enabled=False)),
    Step("enable", partial(sides.update, enabled=True)),
    Step("refresh", sides.refresh),
    Step("import", sides.import_),
    Step("probe: delete while it is being disabled", sides.delete_while_busy),
    Step("delete", sides.delete),
    Step("probe: show what was deleted", sides.show_deleted),
)


class WalkError(Exception):
    """The walk on the real account could not go on; the text says why."""


@dataclass(frozen=True)
class Result:
    """The result of a step on one side: its calls, and a few words or an error."""

    exchanges: Sequence[Exchange]
    outcome: str = ""
    error: Exception | None = None


class Walk:
    """Both sides, and the differences so far."""

    def __init__(self, live: Side, emulator: Side, screen: Screen, stop: threading.Event) -> None:
        self._live, self._emulator, self._screen, self._stop = live, emulator, screen, stop
        self.answers = 0
        """Pairs of answers that were compared."""
        self.different: Counter[str] = Counter()
        """The differences, and how often each was found."""

    def go(self, steps: Sequence[Step] = STEPS) -> None:
        """Do all steps.

        Raises:
            WalkError: One of them failed on the real account, or the walk was stopped.
        """
        for step in steps:
            if self._stop.is_set():
                raise WalkError("stopped")
            self._screen.show(step.title)
            with ThreadPoolExecutor(1) as pool:
                beside = pool.submit(self._run, step, self._emulator, Deadline(STEP_SECONDS, self._stop))
                live = self._run(step, self._live, Deadline(STEP_SECONDS, self._stop, self._screen.report_waits()))
                emulator = beside.result()
            if self._stop.is_set():
                raise WalkError(f"stopped in the middle of: {step.title}")
            self.compare(live, emulator)
            if live.error:
                raise WalkError(str(live.error)) from live.error
            self._remove_strays()

    def compare(self, live: Result, emulator: Result, *, with_values: bool = True) -> None:
        """Show the results of a step, and how they differ."""
        answers, expected = group_by_call(live.exchanges), group_by_call(emulator.exchanges)
        for of_call in answers.values():
            self._screen.show(_line(of_call))
        if passed := _states(live.exchanges):
            self._screen.show(f"  {passed}")
        if live.outcome or live.error:
            self._screen.show(f"  {live.error or live.outcome}")
        found = list(differences(answers, expected, with_values=with_values))
        seen, expected_states = _without_times(live.exchanges), _without_times(emulator.exchanges)
        # A step without any state was refused, which is another line.
        if seen and expected_states and seen != expected_states:
            found.append(f"{LIVE} was seen as {seen}, {EMULATOR} as {expected_states}")
        if (live.outcome, live.error is None) != (emulator.outcome, emulator.error is None):
            found.append(f"{LIVE}: {_describe(live)}; {EMULATOR}: {_describe(emulator)}")
        self.answers += count_compared(answers, expected)
        self.different.update(found)
        for difference in found or ["same"]:
            self._screen.show(f"  {'≠ ' if found else ''}{difference}")

    def summary(self) -> None:
        """Show all differences."""
        number = len(self.different)
        self._screen.show(
            f"{self.answers} answers compared, {number} difference{'' if number == 1 else 's'}{':' if number else ''}"
        )
        for difference, times in self.different.items():
            self._screen.show(f"  {difference}{f' ({times} times)' if times > 1 else ''}")

    def _run(self, step: Step, side: Side, deadline: Deadline) -> Result:
        outcome, error = "", None
        try:
            if step.do is not sides.create and not side.id:
                raise ResourceError("there is no flow log for this step")
            outcome = step.do(side, deadline)
        except (ApiError, ResourceError) as raised:
            error = raised
        return Result(side.journal.take_new(), outcome, error)

    def _remove_strays(self) -> None:
        """Delete further flow logs that a probe has created, before the next step."""
        for side, whose in ((self._live, LIVE), (self._emulator, EMULATOR)):
            for id_ in side.strays:
                deadline = Deadline(STEP_SECONDS, self._stop, self._screen.report_waits())
                try:
                    lifecycle.delete(side.client.with_deadline(deadline), side.target.er_id, id_)
                except ApiError as error:
                    raise WalkError(str(error)) from error
                self._screen.show(f"  deleted the second flow log of {whose}, {id_}")
            side.strays.clear()
            side.journal.take_new()


def _line(answers: Answers) -> str:
    times = f", {answers.count} times" if answers.count > 1 else ""
    retried = f", not counting {' and '.join(dict.fromkeys(answers.retried))}" if answers.retried else ""
    return f"  {answers.call:{CALL_WIDTH}}  {' → '.join(answers.results)}{times}{retried}"


def _states(exchanges: Sequence[Exchange]) -> str:
    seen = states(exchanges)
    if len(seen) < 2:
        return "".join(state for state, _ in seen)
    return f"{' → '.join(state for state, _ in seen)}, {seen[-1][1] - seen[0][1]:.1f} s"


def _without_times(exchanges: Sequence[Exchange]) -> str:
    return " → ".join(state for state, _ in states(exchanges))


def _describe(result: Result) -> str:
    return str(result.error) if result.error else result.outcome or "done"
