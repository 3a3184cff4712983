"""Fault plans: which calls go wrong, how, and how often. With the same seed, the same calls meet the same faults again.

seed: 7                                          # any whole number; default: 0
faults:                                          # the first that matches a call and is due is taken
  - {kind: reset, calls: "POST */flow-logs"}     # glob on METHOD and path as in `GET /_emulator/requests`; default: *
  - {kind: error, status: 429, retry_after: 2, probability: 0.2}    # of each call that matches, 0 to 1; default: 1
  - {kind: hang_up, when: after, skip: 2, times: 1}                 # the third call takes effect, then no answer
"""

from __future__ import annotations

import fnmatch
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from random import Random
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, Strict, model_validator
from pydantic.dataclasses import dataclass

from emulator import documents
from emulator.documents import Document, check_keys, one_of

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
    # Of the cloud contents: somebody or something else changes them
    "stuck": (),
    "fail": ("when",),
    "vanish": ("when",),
    "rename": ("when",),
    "disable": ("when",),
    "fill_quota": (),
    "lose_stream": ("when",),
    "mute": ("when",),
    "late": ("when", "seconds"),
    # Of a query of records
    "incomplete": (),
}
"""The keys of each kind beside the `COMMON` ones. What it does is the method of its name in
`emulator.faults.effects`."""

COMMON = ("kind", "calls", "probability", "skip", "times")


Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]


# Not strict as a whole: a strict dataclass refuses mappings.
@dataclass(frozen=True)
class Fault:
    """One way in which calls go wrong.

    Attributes:
        kind: One of `KINDS`.
        calls: Glob on the call as `GET /_emulator/requests` counts it, such as `POST */flow-logs`.
        probability: Of each call that matches.
        skip: So many calls that match pass first.
        times: The fault ends after so many; None: never.
        when: `before`: the call has no effect; `after`: it takes effect, and only then goes wrong.
        seconds: How long, or how far off; only dates may be off by less than 0.
        status: HTTP status of the answer.
        retry_after: Seconds in the header of that name.
    """

    kind: Annotated[str, one_of(tuple(KINDS))]
    calls: str = "*"
    probability: Annotated[Number, Field(ge=0, le=1)] = 1.0
    skip: Annotated[Whole, Field(ge=0)] = 0
    times: Annotated[Whole, Field(ge=1)] | None = None
    when: Annotated[str, one_of((BEFORE, AFTER))] = BEFORE
    seconds: Number = 1.0
    status: Annotated[Whole, Field(ge=200)] = 503
    retry_after: Annotated[Number, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _check_kind(self) -> Fault:
        if self.kind != "skew" and self.seconds < 0:
            raise ValueError(f"has seconds {self.seconds:g}: only a skew may be negative")
        if self.kind == "error" and self.status not in ERROR_STATUSES:
            raise ValueError(
                f"has status {self.status}: the status of an error must be one of {', '.join(map(str, ERROR_STATUSES))}"
            )
        return self

    def as_document(self) -> dict[str, Any]:
        """The fault as a plan has it, which `parse` reads."""
        return {key: value for key, value in asdict(self).items() if value is not None and key in _keys(self.kind)}


def _keys(kind: str) -> tuple[str, ...]:
    return (*COMMON, *KINDS[kind])


def _check_keys(value: Any) -> Any:
    """Refuse keys that faults of this kind do not have; whether there is such a kind is checked afterwards."""
    kind = value.get("kind") if isinstance(value, dict) else None
    check_keys(value, _keys(kind) if isinstance(kind, str) and kind in KINDS else list(Fault.__annotations__))
    return value


class _Plan(Document):
    seed: int = 0
    faults: list[Annotated[Fault, BeforeValidator(_check_keys)]] = Field(default_factory=list)


def parse(document: object, what: str = "The fault plan") -> tuple[int, list[Fault]]:
    """The seed and the faults of a document of the form above; `what` it is begins the sentence about a mistake.

    Raises:
        EmulatorError: It does not have that form.
    """
    plan = documents.parse(_Plan, document, what)
    return plan.seed, plan.faults


class Faults:
    """The plan that is in force, and how often each fault has happened. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._replaced = threading.Event()
        self.use(0, [])

    def use(self, seed: int, faults: Sequence[Fault]) -> None:
        """Replace the plan; all counts begin again."""
        with self._lock:
            self._seed, self._faults = seed, list(faults)
            self._replaced.set()
            self._replaced = threading.Event()
            self._matching: Counter[int] = Counter()
            self._occurrences: Counter[tuple[int, str, str]] = Counter()
            self._injected: Counter[int] = Counter()

    def injected(self) -> dict[str, int]:
        """How many calls have met a fault, by kind."""
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
        """The fault that a call meets, if any, and the event that is set once another plan is in force.

        Args:
            call: Method and path as in the API reference.
            subject: What it is about, by a name that is the same in every run: an attachment's id, say. Each subject
                has random numbers of its own, so that the order in which calls on several arrive does not matter.
        """
        with self._lock:
            for index, fault in enumerate(self._faults):
                if not fnmatch.fnmatchcase(call, fault.calls):
                    continue
                self._matching[index] += 1
                self._occurrences[index, call, subject] += 1
                if self._matching[index] <= fault.skip:
                    continue
                if fault.times is not None and self._injected[index] >= fault.times:
                    continue
                random = Random(f"{self._seed} {index} {call} {subject} {self._occurrences[index, call, subject]}")
                if random.random() < fault.probability:
                    self._injected[index] += 1
                    return fault, self._replaced
        return None
