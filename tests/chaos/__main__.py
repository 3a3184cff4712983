"""`make chaos`: runs under faults, told by seeds; sequences of edits; kills at each point of a run; outages.

What fails in process is had again, exactly, by its seed: python -m tests.chaos --seed N, or --change-seed N
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
from tests.chaos import edits_in_process
from tests.chaos.audit import COMPLAINTS, DONE, FAILED_RUN, REFUSED
from tests.chaos.desired import DOUBLED, LOST
from tests.chaos.edits_with_cli import ChangeSite
from tests.chaos.faults_in_process import N, Outcome, run
from tests.chaos.faults_with_cli import RunSite
from tests.chaos.kills import Kill, KillSite, all_kills
from tests.chaos.outages import OUTAGE, OutageSite, all_outages
from tests.chaos.scenario import Scenario
from tests.chaos.site import Site
from tests.chaos.soak import Usage, soak
from tests.sdk import servicer_class
from tools.console import clock, say

REPORT_SECONDS = 10.0

T = TypeVar("T")
R = TypeVar("R")
SiteT = TypeVar("SiteT", bound=Site)
ResultT = TypeVar("ResultT", Outcome, Scenario)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="seeded runs in process (default: %(default)s)")
    parser.add_argument("--cli-runs", type=int, default=25, help="seeded runs of `pulumi` (default: %(default)s)")
    parser.add_argument(
        "--kills", type=int, default=len(all_kills()), help="so many, spread over all (default: %(default)s)"
    )
    parser.add_argument("--outages", type=int, default=len(all_outages()), help="of a minute (default: %(default)s)")
    parser.add_argument("--operations", type=int, default=10_000, help="in one provider (default: %(default)s)")
    parser.add_argument("--changes", type=int, default=200, help="sequences of edits in process (default: %(default)s)")
    parser.add_argument(
        "--cli-changes", type=int, default=12, help="sequences of edits with `pulumi` (default: %(default)s)"
    )
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="of the first run (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="this run in process alone, with all that run")
    parser.add_argument(
        "--change-seed", type=int, metavar="SEED", help="this sequence in process alone, with all that run"
    )
    options = parser.parse_args(arguments)
    if options.change_seed is not None:
        scenario = run_edit_seed(options.change_seed)
        print(*scenario.journal, *(scenario.problems or ["nothing is wrong"]), sep="\n")
        return bool(scenario.problems)
    if options.seed is not None:
        outcome = one(options.seed)
        print(*outcome.journal, *(outcome.problems or ["put right by one more up"]), sep="\n")
        return bool(outcome.problems)
    if (options.cli_runs or options.kills or options.outages or options.cli_changes) and not shutil.which("pulumi"):
        say("error: there is no pulumi on PATH: run this with `make chaos`")
        return 2
    seeds = range(options.first, options.first + options.runs)
    cli_seeds = range(options.first, options.first + options.cli_runs)
    change_seeds = range(options.first, options.first + options.cli_changes)
    processors = cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        outcomes = many(seeds, one, _failed_outcome)
        scenarios = many(range(options.first, options.first + options.changes), run_edit_seed, _failed_scenario)
        cli_outcomes = at_sites(cli_seeds, folder, RunSite, RunSite.run, named="pulumi, seed {}", at_once=processors)
        changed = at_sites(
            change_seeds, folder, ChangeSite, ChangeSite.run, named="changes with pulumi, seed {}", at_once=processors
        )
        swept = at_sites(spread(all_kills(), options.kills), folder, KillSite, KillSite.recover_from, at_once=processors)
        # These mostly wait.
        out = at_sites(all_outages()[: options.outages], folder, OutageSite, OutageSite.ride_out, at_once=len(all_outages()))
        usages, grown = soak(options.operations, folder, say) if options.operations else ([], [])
    cli_courses = [
        done if isinstance(done, Scenario) else _failed_scenario(seed, str(done)) for seed, done in changed.items()
    ]
    ends = {
        f"seeded runs in process, N={N}": [outcome.problems for outcome in outcomes],
        f"seeded runs of `pulumi`, N={N}": [_wrong(done) for done in cli_outcomes.values()],
    }
    for victim in sorted({kill.victim for kill in swept}):
        ends[f"kills of the {victim}"] = [_wrong(done) for kill, done in swept.items() if kill.victim == victim]
    ends[f"outages of {OUTAGE:.0f} s, without any help"] = [_wrong(done) for done in out.values()]
    injected: Counter[str] = Counter()
    for done in (*outcomes, *cli_outcomes.values()):
        if isinstance(done, Outcome):
            injected.update(done.injected)
    report(injected, ends, usages)
    kinds = {"changes in process": scenarios, "changes with pulumi": cli_courses}
    report_changes({what: scenarios for what, scenarios in kinds.items() if scenarios})
    for wrong in grown:
        say(wrong)
    every = [*scenarios, *cli_courses]
    return bool(grown) or any(any(wrongs) for wrongs in ends.values()) or any(scenario.problems for scenario in every)


def spread(every: list[Kill], number: int) -> list[Kill]:
    """So many of them, from all over."""
    number = min(number, len(every))
    return [every[index * len(every) // number] for index in range(number)]


def at_sites(
    things: Sequence[T],
    folder: Path,
    make: Callable[[Path], SiteT],
    do: Callable[[SiteT, T], R],
    *,
    named: str = "{}",
    at_once: int,
) -> dict[T, R | str]:
    """What comes of each thing, or why nothing does; so many at a time, at a site each."""
    number = min(at_once, len(things))
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
            found[thing] = future.result()
            say(f"{len(found)} of {len(things)}: {named.format(thing)}: {_wrong(found[thing]) or 'put right'}")
    return found


def one(seed: int) -> Outcome:
    """The run of a seed, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        return run(seed, Path(folder), servicer_class())


def run_edit_seed(seed: int) -> Scenario:
    """The sequence of edits of a seed, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        return edits_in_process.run(seed, Path(folder), servicer_class())


def _failed_outcome(seed: int, why: str) -> Outcome:
    return Outcome(seed, problems=[why])


def _failed_scenario(seed: int, why: str) -> Scenario:
    return Scenario(seed, problems=[why])


def many(seeds: range, do: Callable[[int], ResultT], lost: Callable[[int, str], ResultT]) -> list[ResultT]:
    """What comes of these seeds, twice as many at a time as there are processors, since they mostly wait."""
    outcomes, told = [], time.monotonic()
    with ProcessPoolExecutor(2 * (cpu_count() or 1)) as pool:
        futures = {pool.submit(do, seed): seed for seed in seeds}
        for future in as_completed(futures):
            try:
                outcome = future.result()
            except Exception as error:
                outcome = lost(futures[future], f"{type(error).__name__}: {error}")
            outcomes.append(outcome)
            for wrong in outcome.problems:
                say(f"seed {outcome.seed}: {wrong}")
            if time.monotonic() - told > REPORT_SECONDS or len(outcomes) == len(seeds):
                told = time.monotonic()
                say(f"{len(outcomes)} of {len(seeds)} {'sequences' if do is run_edit_seed else 'runs'}")
    return outcomes


def report(injected: Counter[str], ends: Mapping[str, list[list[str]]], usages: Sequence[Usage]) -> None:
    """What was injected, how it ended, and what it took."""
    rows = [
        (what, str(len(wrongs)), str(wrongs.count([])), _count(wrongs, LOST), _count(wrongs, DOUBLED))
        for what, wrongs in ends.items()
        if wrongs
    ]
    if rows:
        print(grid(("what", "number", "put right", LOST, DOUBLED), rows, left=1))
    if injected:
        counts = ", ".join(f"{kind} {number:,}" for kind, number in injected.most_common())
        print(f"\nFaults (and crashes of the engine in process): {counts}")
    if usages:
        print("\nOne provider process: " + "; ".join(map(str, usages)))


def report_changes(kinds: Mapping[str, Sequence[Scenario]]) -> None:
    """How the sequences of edits ended."""
    rows = []
    for what, scenarios in kinds.items():
        runs = sum((scenario.ends for scenario in scenarios), Counter[str]())
        wrongs = [scenario.problems for scenario in scenarios]
        counts = [_count(wrongs, kind) for kind in COMPLAINTS]
        others = sum(not sentence.startswith(tuple(COMPLAINTS)) for wrong in wrongs for sentence in wrong)
        ended = [str(runs[end]) for end in (DONE, REFUSED, FAILED_RUN)]
        rows.append((what, str(len(scenarios)), str(runs.total()), *ended, *counts, str(others)))
    headings = ("what", "sequences", "runs", DONE, REFUSED, FAILED_RUN, *COMPLAINTS.values(), "wrong otherwise")
    print(f"\n{grid(headings, rows, left=1)}")


def _wrong(done: object) -> list[str]:
    """What is wrong in the end: of a seeded run, of something else, or because it came to no end."""
    if isinstance(done, Outcome | Scenario):
        return done.problems
    return done if isinstance(done, list) else [str(done)]


def _count(wrongs: list[list[str]], word: str) -> str:
    return str(sum(sentence.startswith(word) for wrong in wrongs for sentence in wrong))


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    say(f"took {clock(time.monotonic() - started)}")
    sys.exit(code)
