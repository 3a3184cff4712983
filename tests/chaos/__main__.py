"""`make chaos`: runs under faults, told by seeds, and a kill at each point of a run; what is lost or doubled by them.

A run that fails is had again, exactly, by its seed: python -m tests.chaos --seed N
"""

from __future__ import annotations

import argparse
import queue
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from os import cpu_count
from pathlib import Path
from typing import TypeVar

from bench.table import grid
from tests.chaos.command_line import RunSite
from tests.chaos.seeded import Outcome, run
from tests.chaos.site import Site
from tests.chaos.sweep import Kill, KillSite, kills
from tests.chaos.wanted import DOUBLED, LOST
from tests.sdk import servicer_class
from tools.console import clock, say

REPORT_SECONDS = 10.0

T = TypeVar("T")
R = TypeVar("R")
SiteT = TypeVar("SiteT", bound=Site)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="seeded runs in process (default: %(default)s)")
    parser.add_argument("--cli-runs", type=int, default=25, help="seeded runs of `pulumi` (default: %(default)s)")
    parser.add_argument("--kills", type=int, help="so many kills, spread over all (default: all)")
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="of the first run (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="this run in process alone, with all that happened")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        outcome = one(options.seed)
        print(*outcome.journal, *outcome.wrong, sep="\n")
        return bool(outcome.wrong)
    if (options.cli_runs or options.kills != 0) and not shutil.which("pulumi"):
        say("error: there is no pulumi on PATH: run this with `make chaos`")
        return 2
    outcomes = many(range(options.first, options.first + options.runs))
    chosen = spread(kills(), options.kills)
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        seeds = list(range(options.first, options.first + options.cli_runs))
        cli_outcomes = at_sites(seeds, Path(folder), RunSite, RunSite.run, lambda seed: f"pulumi, seed {seed}")
        swept = at_sites(chosen, Path(folder), KillSite, KillSite.put_right, str)
    ends = {"seeded runs, in process": [outcome.wrong for outcome in outcomes]}
    ends["seeded runs of pulumi"] = [[done] if isinstance(done, str) else done.wrong for done in cli_outcomes.values()]
    for victim in sorted({kill.victim for kill in swept}):
        of_victim = [done for kill, done in swept.items() if kill.victim == victim]
        ends[f"{victim} killed"] = [[done] if isinstance(done, str) else done for done in of_victim]
    injected: Counter[str] = Counter()
    for done in (*outcomes, *cli_outcomes.values()):
        if isinstance(done, Outcome):
            injected.update(done.injected)
    report(injected, ends)
    return any(any(wrongs) for wrongs in ends.values())


def spread(every: list[Kill], number: int | None) -> list[Kill]:
    """So many of them, from all over; all if no number is given."""
    if number is None or number >= len(every):
        return every
    return [every[index * len(every) // number] for index in range(number)]


def at_sites(
    things: Sequence[T],
    folder: Path,
    make: Callable[[Path], SiteT],
    do: Callable[[SiteT, T], R],
    name: Callable[[T], str],
) -> dict[T, R | str]:
    """What comes of each thing, or why nothing does; as many at a time as there are processors, at a site each."""
    number = min(cpu_count() or 1, len(things))
    sites: queue.SimpleQueue[SiteT] = queue.SimpleQueue()

    def done(thing: T) -> R | str:
        site = sites.get()
        try:
            return do(site, thing)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        finally:
            sites.put(site)

    found: dict[T, R | str] = {}
    with ThreadPoolExecutor(max(number, 1)) as pool:
        for index in range(number):
            (place := folder / f"{make.__name__}-{index}").mkdir()
            sites.put(make(place))
        futures = {pool.submit(done, thing): thing for thing in things}
        for future in as_completed(futures):
            thing = futures[future]
            found[thing] = result = future.result()
            wrong = result.wrong if isinstance(result, Outcome) else result
            say(f"{len(found)} of {len(things)}: {name(thing)}: {wrong or 'put right'}")
    return found


def one(seed: int) -> Outcome:
    """The run of a seed, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        return run(seed, Path(folder), servicer_class())


def many(seeds: range) -> list[Outcome]:
    """The runs of these seeds, twice as many at a time as there are processors, since they mostly wait."""
    outcomes, told = [], time.monotonic()
    with ProcessPoolExecutor(2 * (cpu_count() or 1)) as pool:
        for future in as_completed([pool.submit(one, seed) for seed in seeds]):
            outcome = future.result()
            outcomes.append(outcome)
            for wrong in outcome.wrong:
                say(f"seed {outcome.seed}: {wrong}")
            if time.monotonic() - told > REPORT_SECONDS or len(outcomes) == len(seeds):
                told = time.monotonic()
                say(f"{len(outcomes)} of {len(seeds)} runs")
    return outcomes


def report(injected: Counter[str], ends: Mapping[str, list[list[str]]]) -> None:
    """What was injected, and how it ended."""
    print(grid(("fault", "times"), [(kind, f"{number:,}") for kind, number in injected.most_common()], left=1))
    print()
    rows = [
        (what, str(len(wrongs)), str(wrongs.count([])), _count(wrongs, LOST), _count(wrongs, DOUBLED))
        for what, wrongs in ends.items()
        if wrongs
    ]
    print(grid(("what", "runs", "put right", LOST, DOUBLED), rows, left=1))


def _count(wrongs: list[list[str]], word: str) -> str:
    return str(sum(sentence.startswith(word) for wrong in wrongs for sentence in wrong))


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    say(f"took {clock(time.monotonic() - started)}")
    sys.exit(code)
