"""Which calls go wrong, how, and how often. A seed decides, so that the same calls meet the same faults again.

seed: 7                                          # any whole number; left out: 0
faults:                                          # the first that fits a call and falls due is taken
  - {kind: reset, calls: "POST */flow-logs"}     # glob on METHOD and path as in `GET /_emulator/requests`; default: *
  - {kind: error, status: 429, retry_after: 2, probability: 0.2}    # of each call that fits, 0 to 1; default: 1
  - {kind: hang_up, when: after, skip: 2, times: 1}                 # the third call takes effect, then no answer
"""

from __future__ import annotations

import fnmatch
import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from random import Random
from typing import Any

from emulator.errors import EmulatorError

BEFORE, AFTER = "before", "after"
ERROR_STATUSES = (401, 403, 429, 500, 502, 503, 504)

KINDS: Mapping[str, tuple[str, ...]] = {
    # Of the connection
    "refuse": ("seconds",),
    "reset": ("when",),
    "hang_up": ("when",),
    "truncate": (),
    "hold": ("when", "seconds"),
    # Of the answer
    "error": ("when", "status", "retry_after"),
    "html": ("when", "status"),
    "garbage": ("when",),
    "slow": ("when", "seconds"),
    "dribble": ("seconds",),
    "skew": ("seconds",),
    # Of a list's page
    "shift": (),
    "same_marker": (),
    "bogus_marker": (),
    # Of the world: somebody or something else has a hand in it
    "stuck": (),
    "fail": ("when",),
    "vanish": ("when",),
    "rename": ("when",),
    "disable": ("when",),
    "fill_quota": (),
}
"""By kind, what may be said of it beside what is `COMMON`. What each does is told in `emulator.faults.effects`, by the
function of its name."""

COMMON = ("kind", "calls", "probability", "skip", "times")


@dataclass(frozen=True)
class Fault:
    """One way in which calls go wrong.

    Attributes:
        kind: One of `KINDS`.
        calls: Glob on the call as `GET /_emulator/requests` counts it, such as `POST */flow-logs`.
        probability: Of each call that fits, 0..1.
        skip: So many calls that fit pass first.
        times: After so many it is over; none: never.
        when: `before`: the call has no effect; `after`: it takes effect, and only then goes wrong.
        seconds: How long, or how far off; any sign for dates.
        status: HTTP status of the answer.
        retry_after: Seconds in the header of that name.
    """

    kind: str
    calls: str = "*"
    probability: float = 1.0
    skip: int = 0
    times: int | None = None
    when: str = BEFORE
    seconds: float = 1.0
    status: int = 503
    retry_after: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise EmulatorError(f"There is no kind of fault {self.kind!r}; there are: {', '.join(KINDS)}.")
        _number("probability", self.probability, 0, 1)
        _whole("skip", self.skip, 0)
        if self.times is not None:
            _whole("times", self.times, 1)
        if self.when not in (BEFORE, AFTER):
            raise EmulatorError(f"A fault's `when` is {BEFORE} or {AFTER}, not {self.when!r}.")
        _number("seconds", self.seconds, -math.inf if self.kind == "skew" else 0, math.inf)
        if self.kind == "error" and self.status not in ERROR_STATUSES:
            raise EmulatorError(f"A fault's `status` is one of {', '.join(map(str, ERROR_STATUSES))}.")
        _whole("status", self.status, 200)
        if self.retry_after is not None:
            _number("retry_after", self.retry_after, 0, math.inf)

    def as_document(self) -> dict[str, Any]:
        """The fault as it is written in a document, which `parse` reads."""
        said = _said_of(self.kind)
        return {key: value for key, value in asdict(self).items() if value is not None and key in said}


def parse(document: object) -> tuple[int, list[Fault]]:
    """The seed and the faults of a document of the form above.

    Raises:
        EmulatorError: It has not that form.
    """
    if not isinstance(document, dict) or not document.keys() <= {"seed", "faults"}:
        raise EmulatorError("Faults are written as a mapping of `seed` and `faults`.")
    listed = document.get("faults", [])
    if not isinstance(listed, list):
        raise EmulatorError("`faults` must be a list.")
    seed = document.get("seed", 0)
    _whole("seed", seed, -math.inf)
    return seed, [_fault(one) for one in listed]


def _fault(value: object) -> Fault:
    if not isinstance(value, dict) or "kind" not in value:
        raise EmulatorError(f"A fault is a mapping with a `kind`, not {value!r}.")
    for key in ("kind", "calls", "when"):
        if not isinstance(value.get(key, ""), str):
            raise EmulatorError(f"A fault's `{key}` must be text, not {value[key]!r}.")
    kind, known = value["kind"], {field.name for field in fields(Fault)}
    for key in value:
        if key not in known:
            raise EmulatorError(f"A fault has no `{key}`; it may have {', '.join(sorted(_said_of(kind)))}.")
        if kind in KINDS and key not in _said_of(kind):
            raise EmulatorError(f"A fault of kind {kind} has no `{key}`.")
    return Fault(**value)


def _said_of(kind: str) -> set[str]:
    """What may be said of a fault of this kind."""
    return {*COMMON, *KINDS.get(kind, ())}


class Faults:
    """The plan that is in force, and what came of it. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.use(0, [])

    def use(self, seed: int, faults: Sequence[Fault]) -> None:
        """Have these faults from now on, and no others; all counts begin anew."""
        with self._lock:
            self._seed, self._faults = seed, list(faults)
            self._over.set()
            self._over = threading.Event()
            self._fitting: Counter[int] = Counter()
            self._occurrences: Counter[tuple[int, str, str]] = Counter()
            self._injected: Counter[int] = Counter()

    def injected(self) -> dict[str, int]:
        """How many faults there were, by kind."""
        with self._lock:
            counts: Counter[str] = Counter()
            for index, number in self._injected.items():
                counts[self._faults[index].kind] += number
            return dict(counts)

    @property
    def is_calm(self) -> bool:
        """Whether nothing is to go wrong."""
        return not self._faults

    def draw(self, call: str, subject: str) -> tuple[Fault, threading.Event] | None:
        """The fault that a call meets, if any, and what is set once another plan is in force.

        Args:
            call: Method and path as in the API reference.
            subject: What it is about, in terms that are the same in every run: an attachment's id, say. Each subject
                has a row of lots of its own, so that the order in which calls on several arrive does not matter.
        """
        with self._lock:
            for index, fault in enumerate(self._faults):
                if not fnmatch.fnmatchcase(call, fault.calls):
                    continue
                self._fitting[index] += 1
                self._occurrences[index, call, subject] += 1
                if self._fitting[index] <= fault.skip:
                    continue
                if fault.times is not None and self._injected[index] >= fault.times:
                    continue
                lot = Random(f"{self._seed} {index} {call} {subject} {self._occurrences[index, call, subject]}")
                if lot.random() < fault.probability:
                    self._injected[index] += 1
                    return fault, self._over
        return None


def _number(field: str, value: Any, low: float, high: float) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not (is_number and low <= value <= high):
        limits = f" from {low:g}" * math.isfinite(low) + f" to {high:g}" * math.isfinite(high)
        raise EmulatorError(f"A fault's `{field}` must be a number{limits}, not {value!r}.")


def _whole(field: str, value: Any, low: float) -> None:
    if not (isinstance(value, int) and not isinstance(value, bool) and value >= low):
        limits = f" from {low:g}" * math.isfinite(low)
        raise EmulatorError(f"A fault's `{field}` must be a whole number{limits}, not {value!r}.")
