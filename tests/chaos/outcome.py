"""How a seeded run or sequence went."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """How it went.

    Attributes:
        injected: Faults by kind, and `crash`.
        ends: How its runs ended.
        journal: What happened, but for request ids: in process, the same with each run of this seed.
        problems: All that is wrong at the end.
    """

    injected: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    journal: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
