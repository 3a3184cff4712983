"""`make chaos`: runs under faults, told by seeds, and a kill at each point of a run; what is lost or doubled by them.

A run that fails is had again, exactly, by its seed: python -m tests.chaos --seed N
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from os import cpu_count
from pathlib import Path

from bench.table import grid
from tests.chaos.seeded import Outcome, run
from tests.sdk import servicer_class
from tools.console import clock, say

REPORT_SECONDS = 10.0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=175, help="seeded runs in process (default: %(default)s)")
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="of the first run (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="this run alone, with all that happened")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        outcome = one(options.seed)
        print(*outcome.journal, *outcome.wrong, sep="\n")
        return bool(outcome.wrong)
    outcomes = many(range(options.first, options.first + options.runs))
    report(outcomes)
    return any(outcome.wrong for outcome in outcomes)


def one(seed: int) -> Outcome:
    """The run of a seed, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        return run(seed, Path(folder), servicer_class())


def many(seeds: range) -> list[Outcome]:
    """The runs of these seeds, as many at a time as there are processors."""
    outcomes, told = [], time.monotonic()
    with ProcessPoolExecutor(cpu_count()) as pool:
        for future in as_completed([pool.submit(one, seed) for seed in seeds]):
            outcome = future.result()
            outcomes.append(outcome)
            for wrong in outcome.wrong:
                say(f"seed {outcome.seed}: {wrong}")
            if time.monotonic() - told > REPORT_SECONDS or len(outcomes) == len(seeds):
                told = time.monotonic()
                say(f"{len(outcomes)} of {len(seeds)} runs")
    return outcomes


def report(outcomes: list[Outcome]) -> None:
    """What was injected, and how the runs went."""
    injected: Counter[str] = Counter()
    for outcome in outcomes:
        injected.update(outcome.injected)
    print(grid(("fault", "times"), [(kind, f"{number:,}") for kind, number in injected.most_common()], left=1))
    wrong = [outcome.seed for outcome in outcomes if outcome.wrong]
    print(f"\n{len(outcomes)} runs, {len(outcomes) - len(wrong)} converged; seeds that did not: {wrong or 'none'}")


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    say(f"took {clock(time.monotonic() - started)}")
    sys.exit(code)
