"""`python -m bench`: what commands take, and whether the targets are met. Ends with 1 if one is missed.

The quick form takes 5 minutes, measures what the targets up to 100 flow logs need, prints the figures and writes
nothing. With --whole it takes half an hour, and writes bench/results.json, bench/results.md and all figures in README
and docs.
"""

from __future__ import annotations

import argparse
import compileall
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import requests

from bench.cases import TRIAL, Cases, Sizes, Step
from bench.errors import BenchError
from bench.pages import PAGES, QUICK_BLOCKS, TITLES, fill, report
from bench.processes import Children
from bench.project import CHECKOUT
from bench.results import Results, to_json
from bench.targets import judge
from providers.stderr import say
from tools.console import ToolError, clock
from tools.prepare import READS

HERE = CHECKOUT / "bench"
INTERRUPTED = 130  # as in a shell


def main(arguments: list[str] | None = None) -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, formatter_class=form)
    parser.add_argument("--whole", action="store_true", help="measure everything, and write the figures")
    parser.add_argument(
        "--trial",
        action="store_true",
        help="measure almost no flow logs, once each, to try the benchmark: writes nothing",
    )
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # All unwind, so that every process is ended. SIGINT as well, which is ignored in a script's `&`: `pulumi` would
        # inherit that, and wait 5 seconds for its language host, which it ends by an interrupt.
        signal.signal(number, signal.default_int_handler)
    try:
        results = _measure(options.whole, is_trial=options.trial)
    except (BenchError, ToolError) as error:
        say(f"error: {error}")
        return 1
    except requests.RequestException as error:
        say(f"error: the emulator gave an unexpected answer: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; nothing was written")
        return INTERRUPTED
    text = report(results, tuple(TITLES) if options.whole else QUICK_BLOCKS)
    if options.whole and not options.trial:
        _write(results, text)
    print(text, end="")
    return 1 if any(verdict.met is False for verdict in judge(results.samples)) else 0


def _measure(is_whole: bool, *, is_trial: bool) -> Results:
    if not Path("/proc/self/status").is_file():
        raise BenchError("the benchmark reads the use of processors and memory from /proc, which only Linux has")
    commit = _commit()
    if is_whole and not is_trial and commit.endswith(CHANGED):
        raise BenchError("the checkout has changes: commit them, because the figures stand beside their commit")
    for name in ("PULUMI_PARALLEL", READS):
        os.environ.pop(name, None)  # the widths that make sets are part of what is measured
    for room in ("providers", "emulator", "stacks", "tools", "bench"):
        # Bytecode, as after a first run. Projects get copies of the stack programs, bytecode included.
        compileall.compile_dir(CHECKOUT / room, quiet=1)
    date = datetime.now(timezone.utc).date().isoformat()
    with Children() as children:
        cases = Cases(children, TRIAL if is_trial else Sizes())
        _run(cases.whole() if is_whole else cases.quick())
    return Results(commit, date, os.cpu_count() or 1, cases.medians())


CHANGED = " with changes"


def _commit() -> str:
    """The commit of the checkout, and whether files were changed since, apart from pages and results."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"the commit of the checkout is not known: {done.stderr.strip()}")
        return done.stdout.strip()

    changes = git("status", "--porcelain", "--untracked-files=no", "--", ":!*.md", ":!bench/results.json")
    return git("rev-parse", "--short", "HEAD") + (CHANGED if changes else "")


def _run(steps: Sequence[Step]) -> None:
    """Run all steps, and report what runs, how long it took, and about how long the rest will take."""
    taken = estimated = 0.0
    for position, step in enumerate(steps):
        # Not corrected in the first minute, which is not typical.
        pace = taken / estimated if taken > 60 else 1.0
        left = pace * sum(later.seconds for later in steps[position:])
        say(f"[{position + 1}/{len(steps)}] {step.what}; about {clock(left)} left")
        start = time.monotonic()
        try:
            step.run()
        except BenchError as error:
            raise BenchError(f"{step.what}: {error}") from error
        seconds = time.monotonic() - start
        say(f"  took {clock(seconds)}")
        taken, estimated = taken + seconds, estimated + step.seconds


def _write(results: Results, text: str) -> None:
    """Write all pages, which are made first: if one cannot be made, none is written."""
    pages = {CHECKOUT / name: fill((CHECKOUT / name).read_text(), results) for name in PAGES}
    pages |= {HERE / "results.json": to_json(results), HERE / "results.md": text}
    for file, content in pages.items():
        file.write_text(content)


if __name__ == "__main__":
    sys.exit(main())
