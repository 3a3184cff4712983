"""`python -m bench`: this project, the SDK's own host and a provider that does nothing, side by side; and a fleet.

Writes results.json, results.md, results.svg and the tables in docs/speed.md and docs/guides/splitting-stacks.md. Ends
with 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import compileall
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import requests

from bench import anatomy, first_resource, fleet
from bench.cuts import Cut, Fleet, cuts
from bench.errors import BenchError
from bench.fleet_table import tables
from bench.measure import CASES, measure
from bench.pages import FLEET_PLACE, with_figures, with_fleet
from bench.plan import Step, plan
from bench.plot import svg
from bench.processes import Children
from bench.progress import Progress
from bench.project import CHECKOUT, pulumi_environment
from bench.results import Key, Results, Sample, from_json, medians, to_json, with_floor_at_each_latency
from bench.table import markdown
from bench.targets import FIRST_RESOURCE, LATENCY, TIMES, judge
from bench.variants import FLOOR, VARIANTS
from providers.stderr import say
from tools.console import ToolError
from tools.prepare import PARALLEL

HERE = CHECKOUT / "bench"
PAGE, FLEET_PAGE = (CHECKOUT / "docs" / name for name in ("speed.md", "guides/splitting-stacks.md"))
INTERRUPTED = 130  # as in a shell


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # All unwind, so that every process is ended. SIGINT as well, which is ignored in a script's `&`: `pulumi` would
        # inherit that, and wait 5 seconds for its language host, which it ends by an interrupt.
        signal.signal(number, signal.default_int_handler)
    try:
        if not Path("/proc/self/status").is_file():
            raise BenchError("the benchmark reads peak memory from /proc, which only Linux has")
        for room in ("providers", "emulator", "stacks", "bench"):
            # Bytecode, as after a first run. Projects get copies of the stack programs, bytecode included.
            compileall.compile_dir(CHECKOUT / room, quiet=1)
        fleet_cuts = _cuts(options)
        environment = pulumi_environment()
        say(f"PULUMI_PARALLEL is {environment['PULUMI_PARALLEL']}")
        with Children() as children:
            results, notes = ({}, []) if options.only else _hosts(options, environment, children)
            found = fleet.measure(fleet_cuts, children)
    except (BenchError, ToolError) as error:
        say(f"error: {error}")
        return 1
    except requests.RequestException as error:
        say(f"error: the emulator gave an unexpected answer: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; nothing was written")
        return INTERRUPTED
    return _report_fleet(options, found) if options.only else _report(options, results, notes, found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--n", type=_whole_numbers, default="10,100,1000", help="numbers of flow logs (default: %(default)s)"
    )
    parser.add_argument(
        "--latency", type=_seconds, default="2,0", help="API latencies in seconds (default: %(default)s)"
    )
    parser.add_argument(
        "--runs", type=int, default=3, help="repetitions; the result is their median (default: %(default)s)"
    )
    parser.add_argument(
        "--variants", type=_variants, default=",".join(VARIANTS), help="variants (default: %(default)s)"
    )
    parser.add_argument(
        "--first-resource-runs",
        type=int,
        default=9,
        metavar="RUNS",
        help="repetitions; 0 for none (default: %(default)s)",
    )
    parser.add_argument(
        "--anatomy",
        type=int,
        default=1000,
        metavar="N",
        help="break down the floor at this N; 0 for none (default: %(default)s)",
    )
    parser.add_argument(
        "--fleet",
        type=_fleet,
        default="20x200",
        metavar="ROUTERSxATTACHMENTS",
        help=f"size of the fleet, measured at a latency of {LATENCY:g} s; 0 for none (default: %(default)s)",
    )
    parser.add_argument(
        "--cuts", type=_whole_numbers, default="2", help="routers per stack of the fleet (default: %(default)s)"
    )
    parser.add_argument(
        "--widths",
        type=_whole_numbers,
        default=f"{PARALLEL},32",
        help="PULUMI_PARALLEL of the fleet's stacks (default: %(default)s)",
    )
    parser.add_argument(
        "--only",
        choices=["fleet"],
        help="measure only this, and keep the other results in results.json and results.md",
    )
    parser.add_argument(
        "--add",
        action="store_true",
        help="keep the results of other variants and N in results.json, to run the benchmark in parts",
    )
    parser.add_argument(
        "--output", type=Path, default=HERE, help="output folder (default: bench, and the tables in docs)"
    )
    return parser


def _whole_numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _seconds(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def _variants(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in VARIANTS:
            raise argparse.ArgumentTypeError(f"{name!r} is not a variant; variants are {', '.join(VARIANTS)}")
    return names


def _fleet(text: str) -> tuple[int, int] | None:
    if text == "0":
        return None
    routers, attachments = (int(part) for part in text.split("x"))
    if routers < 1 or attachments < 1:
        raise argparse.ArgumentTypeError("a fleet needs at least one router and one attachment")
    return routers, attachments


def _cuts(options: argparse.Namespace) -> list[Cut]:
    if not options.fleet:
        return []
    routers, attachments = options.fleet
    return cuts(routers, attachments, options.cuts, options.widths)


def _steps(options: argparse.Namespace) -> list[Step]:
    return plan([VARIANTS[name] for name in options.variants], options.n, options.latency, options.runs)


def _hosts(
    options: argparse.Namespace, environment: Mapping[str, str], children: Children
) -> tuple[Results, list[str]]:
    """The results of the variants, and notes on them."""
    results = _measured(options, environment, children)
    notes = _first_resources(options.first_resource_runs, environment, children, results)
    if options.anatomy:
        say(f"breaking down the floor, N={options.anatomy:,}")
        notes += anatomy.measure(options.anatomy, environment, children)
    return results, notes


def _measured(options: argparse.Namespace, environment: Mapping[str, str], children: Children) -> Results:
    steps = _steps(options)
    progress = Progress(steps)
    samples: dict[Key, list[Sample]] = defaultdict(list)
    for step in steps:
        progress.begin(step)
        taken: dict[str, list[str]] = defaultdict(list)
        for case, sample in measure(step, environment, children):
            taken[case].append(f"{sample.seconds:.2f}")
            if step.counted:
                samples[Key(case, step.n, step.latency, step.variant.name)].append(sample)
        progress.end(step, ", ".join(f"{case} {' '.join(seconds)} s" for case, seconds in taken.items()))
    results = {key: medians(of_key) for key, of_key in samples.items()}
    return with_floor_at_each_latency(results, options.latency, FLOOR.name)


def _first_resources(runs: int, environment: Mapping[str, str], children: Children, results: Results) -> list[str]:
    """Add the first resources to the results; returns notes on them."""
    if not runs:
        return []
    say("first resources of a preview, of an empty program and of this project in turn")
    found = []
    for first in first_resource.measure(runs, environment, children):
        found.append(first)
        say(f"  empty program {first.empty:.2f} s, this project {first.project:.2f} s, declared {first.declared:.2f} s")
    for variant, seconds in (("ours", [first.project for first in found]), ("floor", [first.empty for first in found])):
        results[Key(FIRST_RESOURCE, 0, 0, variant)] = Sample(round(median(seconds), 3), 0, {})
    empty, declared = median(first.empty for first in found), median(first.declared for first in found)
    return [
        "The first resource that a preview of the stack `local` reports is the stack itself, as with an empty program."
        f" The first that its program declares comes after {declared:.2f} s, {declared / empty:.2f} {TIMES} as long as"
        " the empty program's: config was read, the emulator started, and all that the stack file names looked up."
    ]


def _report_fleet(options: argparse.Namespace, found: Fleet) -> int:
    """Replace earlier results of the same cuts of the fleet; all other results stay."""
    file, page = options.output / "results.json", options.output / "results.md"
    results, found_before = from_json(file.read_text()) if file.is_file() else ({}, {})
    found = {**found_before, **found}
    text = with_fleet(page.read_text() if page.is_file() else FLEET_PLACE, found)
    options.output.mkdir(parents=True, exist_ok=True)
    file.write_text(to_json(results, found))
    page.write_text(text)
    _write_fleet_page(options.output, found)
    print(tables(found))
    return 0


def _write_fleet_page(output: Path, found: Fleet) -> None:
    if output == HERE:
        FLEET_PAGE.write_text(with_fleet(FLEET_PAGE.read_text(), found))


def _report(options: argparse.Namespace, results: Results, notes: list[str], found: Fleet) -> int:
    notes.insert(0, f"{options.runs} runs each, on {os.cpu_count()} processors.")
    if any(step.together > 1 for step in _steps(options)):
        notes.append(
            "Where the base host mostly waits (at a latency, from N=100 on), its repetitions of `up` and `destroy` ran"
            " at the same time, each with a project and an emulator of its own; all else ran one at a time."
        )
    file = options.output / "results.json"
    results_before, found_before = from_json(file.read_text()) if file.is_file() else ({}, {})
    found = {**found_before, **found}
    if options.add and results_before:
        results = {**results_before, **results}
        notes.append(
            f"The last run measured {' and '.join(options.variants)} at N={', '.join(map(str, options.n))}, latency"
            f" {', '.join(f'{latency:g}' for latency in options.latency)} s; all else is from an earlier run, when the"
            " machine may have been faster or slower."
        )
    verdicts = judge(results)
    text = with_fleet(markdown(results, verdicts, CASES, notes) + FLEET_PLACE, found)
    options.output.mkdir(parents=True, exist_ok=True)
    file.write_text(to_json(results, found))
    (options.output / "results.md").write_text(text)
    (options.output / "results.svg").write_text(svg(results, list(CASES), max(options.latency)))
    if options.output == HERE:
        PAGE.write_text(with_figures(PAGE.read_text(), results, tuple(CASES)))
    _write_fleet_page(options.output, found)
    print(text)
    return 1 if any(verdict.met is False for verdict in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
