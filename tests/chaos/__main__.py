"""`make chaos`: seeded runs under faults, seeded sequences of edits, kills at each point of a run, and outages.

A failure in process is reproduced exactly by its seed: python -m tests.chaos --seed N, or --change-seed N
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
from providers.stderr import say
from tests.chaos import edits_in_process, faults_in_process
from tests.chaos.audit import COMPLAINTS, DONE, FAILED_RUN, REFUSED
from tests.chaos.desired import DOUBLED, LOST
from tests.chaos.edits_with_cli import EditSite
from tests.chaos.faults_in_process import ATTACHMENTS
from tests.chaos.faults_with_cli import FaultSite
from tests.chaos.kills import KillSite, all_kills
from tests.chaos.outages import OUTAGE, OutageSite, all_outages
from tests.chaos.outcome import Outcome
from tests.chaos.site import Site
from tests.chaos.soak import Usage, soak
from tests.sdk import servicer_class
from tools.console import clock

REPORT_SECONDS = 10.0
PROCESSORS = cpu_count() or 1

T = TypeVar("T")
SiteT = TypeVar("SiteT", bound=Site)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.change_seed is not None:
        return show(run_edits(options.change_seed))
    if options.seed is not None:
        return show(run_faults(options.seed))
    if (options.cli_runs or options.kills or options.outages or options.cli_changes) and not shutil.which("pulumi"):
        say("error: there is no pulumi on PATH: run this with `make chaos`")
        return 2
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as name:
        return run_all(options, Path(name))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    for name, default, text in (
        ("runs", 200, "seeded runs in process"),
        ("cli-runs", 25, "seeded runs of `pulumi`"),
        ("kills", len(all_kills()), "number of kills, spread over all"),
        ("outages", len(all_outages()), "number of outages, a minute each"),
        ("operations", 10_000, "operations in one provider process"),
        ("changes", 200, "sequences of edits in process"),
        ("cli-changes", 12, "sequences of edits with `pulumi`"),
        ("first", 1, "the first seed"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{text} (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="run only this seed in process, and print all that happens")
    parser.add_argument("--change-seed", type=int, metavar="SEED", help="the same for a sequence of edits")
    return parser.parse_args(arguments)


def run_all(options: argparse.Namespace, folder: Path) -> int:
    """Run everything that was asked for, and print the tables; 1 if anything went wrong."""

    def seeds(number: int) -> range:
        return range(options.first, options.first + number)

    outcomes = run_in_process(seeds(options.runs), run_faults)
    sequences = run_in_process(seeds(options.changes), run_edits)
    cli_outcomes = run_at_sites(seeds(options.cli_runs), folder, FaultSite, FaultSite.run, named="pulumi, seed {}")
    cli_sequences = run_at_sites(
        seeds(options.cli_changes), folder, EditSite, EditSite.run, named="changes with pulumi, seed {}"
    )
    kills = run_at_sites(spread(all_kills(), options.kills), folder, KillSite, KillSite.recover_from)
    # These mostly wait.
    outages = all_outages()[: options.outages]
    survived = run_at_sites(outages, folder, OutageSite, OutageSite.survive, at_once=len(outages))
    usages, grown = soak(options.operations, folder, say) if options.operations else ([], [])

    kinds = {
        f"seeded runs in process, N={ATTACHMENTS}": outcomes,
        f"seeded runs of `pulumi`, N={ATTACHMENTS}": list(cli_outcomes.values()),
    }
    for victim in sorted({kill.victim for kill in kills}):
        kinds[f"kills of the {victim}"] = [outcome for kill, outcome in kills.items() if kill.victim == victim]
    kinds[f"outages of {OUTAGE:.0f} s, without any help"] = list(survived.values())
    edits = {"changes in process": sequences, "changes with pulumi": list(cli_sequences.values())}
    report(kinds, usages)
    report_edits(edits)
    for problem in grown:
        say(problem)
    everything = (*kinds.values(), *edits.values())
    return bool(grown or any(outcome.problems for outcomes in everything for outcome in outcomes))


def spread(all_of_them: Sequence[T], number: int) -> list[T]:
    """Choose a number of them at equal distances."""
    number = min(number, len(all_of_them))
    return [all_of_them[index * len(all_of_them) // number] for index in range(number)]


def run_at_sites(
    things: Sequence[T],
    folder: Path,
    create_site: Callable[[Path], SiteT],
    run: Callable[[SiteT, T], Outcome | list[str]],
    *,
    named: str = "{}",
    at_once: int = PROCESSORS,
) -> dict[T, Outcome]:
    """Run each thing at a site, several at once; by thing, how it went."""
    number = min(at_once, len(things))
    sites: queue.SimpleQueue[SiteT] = queue.SimpleQueue()

    def run_one(thing: T) -> Outcome:
        site = sites.get()
        try:
            result = run(site, thing)
            return result if isinstance(result, Outcome) else Outcome(problems=result)
        except Exception as error:
            return Outcome(problems=[f"{type(error).__name__}: {error}"])
        finally:
            sites.put(site)

    results: dict[T, Outcome] = {}
    with ThreadPoolExecutor(max(number, 1)) as pool:
        for index in range(number):
            (place := folder / f"{create_site.__name__}-{index}").mkdir()
            sites.put(create_site(place))
        futures = {pool.submit(run_one, thing): thing for thing in things}
        for future in as_completed(futures):
            thing = futures[future]
            results[thing] = future.result()
            say(f"{len(results)} of {len(things)}: {named.format(thing)}: {results[thing].problems or 'converged'}")
    return results


def run_faults(seed: int) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        return faults_in_process.run(seed, Path(folder), servicer_class())


def run_edits(seed: int) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        return edits_in_process.run(seed, Path(folder), servicer_class())


def show(result: Outcome) -> int:
    print(*result.journal, *(result.problems or ["converged"]), sep="\n")
    return bool(result.problems)


def run_in_process(seeds: range, run: Callable[[int], Outcome]) -> list[Outcome]:
    """Run these seeds, twice as many at once as there are processors, since they mostly wait."""
    results, reported = [], time.monotonic()
    with ProcessPoolExecutor(2 * PROCESSORS) as pool:
        futures = {pool.submit(run, seed): seed for seed in seeds}
        for future in as_completed(futures):
            try:
                result = future.result()
            except Exception as error:
                result = Outcome(problems=[f"{type(error).__name__}: {error}"])
            results.append(result)
            for problem in result.problems:
                say(f"seed {futures[future]}: {problem}")
            if time.monotonic() - reported > REPORT_SECONDS or len(results) == len(seeds):
                reported = time.monotonic()
                say(f"{len(results)} of {len(seeds)} {'sequences' if run is run_edits else 'runs'}")
    return results


def report(kinds: Mapping[str, Sequence[Outcome]], usages: Sequence[Usage]) -> None:
    """Print what was injected, how it ended, and what it used."""
    rows = []
    for what, outcomes in kinds.items():
        if outcomes:
            converged = sum(not outcome.problems for outcome in outcomes)
            rows.append((what, str(len(outcomes)), str(converged), _count(outcomes, LOST), _count(outcomes, DOUBLED)))
    if rows:
        print(grid(("what", "number", "converged", LOST, DOUBLED), rows, left=1))
    injected = sum((outcome.injected for outcomes in kinds.values() for outcome in outcomes), Counter[str]())
    if injected:
        counts = ", ".join(f"{kind} {number:,}" for kind, number in injected.most_common())
        print(f"\nFaults (and crashes of the engine in process): {counts}")
    if usages:
        print("\nOne provider process: " + "; ".join(map(str, usages)))


def report_edits(kinds: Mapping[str, Sequence[Outcome]]) -> None:
    """Print how the sequences of edits ended."""
    rows = []
    for what, outcomes in kinds.items():
        if outcomes:
            ends = sum((outcome.ends for outcome in outcomes), Counter[str]())
            ended = [str(ends[end]) for end in (DONE, REFUSED, FAILED_RUN)]
            counts = [_count(outcomes, kind) for kind in COMPLAINTS]
            others = sum(not text.startswith(tuple(COMPLAINTS)) for outcome in outcomes for text in outcome.problems)
            rows.append((what, str(len(outcomes)), str(ends.total()), *ended, *counts, str(others)))
    headings = ("what", "sequences", "runs", DONE, REFUSED, FAILED_RUN, *COMPLAINTS.values(), "other problems")
    print(f"\n{grid(headings, rows, left=1)}")


def _count(outcomes: Sequence[Outcome], word: str) -> str:
    return str(sum(problem.startswith(word) for outcome in outcomes for problem in outcome.problems))


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    say(f"took {clock(time.monotonic() - started)}")
    sys.exit(code)
