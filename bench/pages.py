"""The figures in the documentation: those of bench/results.json, and no others."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping

from bench.cases import (
    AT_WIDTH,
    GOGC,
    IN_PARTS,
    LOGGED,
    NARROW,
    PATCHED,
    POSTGRESQL,
    SERVICE,
    SPLITS,
    STACKS,
    WITHOUT,
    ZSTD,
)
from bench.results import Key, Results, Sample, Samples
from bench.site import BASELINE, DESTROY, LATENCY, MAKE_PREVIEW, MAKE_UP, PREVIEW, REFRESH, UP
from bench.table import TIMES, format_seconds, grid, times_faster
from bench.targets import judge
from bench.usage import ENGINE, HOST, PROGRAM, Use
from bench.variants import BASE, FLOOR, OURS
from tools.prepare import PARALLEL, WIDE

PAGES = ("README.md", "docs/speed.md", "docs/guides/splitting-stacks.md")
"""What has blocks with figures, beside results.md."""

NOT_MEASURED = "not measured"
EXPLANATION = f"""\
Medians. *baseline* is a bare `pulumi preview --refresh` of a program that declares one RandomUuid and one FlowLog:
with fewer, the engine would not start the two plugins. *ours* is this project; *base* the same without `plugins:` in
`Pulumi.yaml`, so that the host of the Pulumi SDK runs it, four operations at a time; *floor* the same program with a
provider that returns at once, which leaves the engine, the program and the machine. `make` commands are measured as
people run them, all others are bare `pulumi` with the settings of `make`. Creates and deletes take {LATENCY:g} s in the
API. 1,000 flow logs are on eight routers, fewer are on one. Memory is in 10^6 bytes."""


def readme(results: Results) -> str:
    """One sentence on what people wait for."""
    n = 100
    preview, baseline, ours, base = (
        results.samples[Key(*key, n)]
        for key in ((OURS.name, MAKE_PREVIEW), (BASELINE, PREVIEW), (OURS.name, UP), (BASE.name, UP))
    )
    text = (
        f"- **Fast.** Without changes, `make preview` of {n} flow logs takes {format_seconds(preview.seconds)},"
        f" {preview.seconds / baseline.seconds:.1f} {TIMES} as long as a bare `pulumi preview` of one. {n} are created"
        f" in {format_seconds(ours.seconds)}, {times_faster(ours.seconds, base.seconds)} than by Pulumi's own host."
    )
    return textwrap.fill(text, 120, subsequent_indent="  ", break_on_hyphens=False)


def previews(results: Results) -> str:
    """What is waited for most often, against the least that Pulumi needs."""
    head = ("flow logs", "baseline", "`make preview`", "against it", "`make up`", "against `make preview`", "requests")

    def rows() -> Iterator[list[str]]:
        for n in _numbers(results.samples, OURS.name, MAKE_PREVIEW):
            baseline, preview, up = (
                results.samples[key]
                for key in (
                    Key(BASELINE, PREVIEW, n),
                    Key(OURS.name, MAKE_PREVIEW, n),
                    Key(OURS.name, MAKE_UP, n),
                )
            )
            yield [
                f"{n:,}",
                *(_seconds(sample) for sample in (baseline, preview)),
                f"{preview.seconds / baseline.seconds:.2f} {TIMES}",
                _seconds(up),
                f"{up.seconds / preview.seconds:.2f} {TIMES}",
                f"{preview.requests:,.0f}",
            ]

    return grid(head, rows(), left=0)


def parts(results: Results) -> str:
    """The processor time of each process, and from when to when it runs."""
    runs = [(BASELINE, PREVIEW), (OURS.name, MAKE_PREVIEW)]
    columns = {
        f"{'`make preview`' if setup == OURS.name else setup}, N={n:,}": sample.processes
        for n in _numbers(results.samples, IN_PARTS.format(BASELINE), PREVIEW)
        for setup, command in runs
        if (sample := results.samples.get(Key(IN_PARTS.format(setup), command, n)))
    }
    kinds = sorted(
        {kind for processes in columns.values() for kind in processes},
        key=lambda kind: (min(processes[kind].begin for processes in columns.values() if kind in processes), kind),
    )

    def cell(use: Use | None) -> str:
        return f"{use.processor:.2f} s ({use.begin:.1f} to {use.end:.1f})" if use else ""

    rows = [[kind, *(cell(processes.get(kind)) for processes in columns.values())] for kind in kinds]
    return grid(("process", *columns), rows, left=1)


def hosts(results: Results) -> str:
    """Each command with each host."""
    head = ("command", "flow logs", "floor", "ours", "base", "ours against base", "requests, ours / base", "provider")

    def rows() -> Iterator[list[str]]:
        for command in (UP, PREVIEW, REFRESH, DESTROY):
            for n in _numbers(results.samples, FLOOR.name, command):
                floor, ours, base = (
                    results.samples.get(Key(variant.name, command, n)) for variant in (FLOOR, OURS, BASE)
                )
                assert ours
                yield [
                    f"`{command}`",
                    f"{n:,}",
                    *map(_seconds, (floor, ours, base)),
                    times_faster(ours.seconds, base.seconds) if base else "",
                    " / ".join(f"{sample.requests:,.0f}" for sample in (ours, base) if sample),
                    f"{ours.processes[HOST].peak_mb:.0f} MB",
                ]

    return grid(head, rows(), left=1)


def patches(results: Results) -> str:
    """What a preview takes with each patch of the SDK turned off; its wall time varies more than that."""
    head = ("what is turned off", "processor time", "more", "of the program", "of the engine")
    (n,) = _numbers(results.samples, PATCHED, PREVIEW)
    base = results.samples[Key(PATCHED, PREVIEW, n)].processor
    labels = {PATCHED: "nothing", **{name: f"`{name}`" for name in WITHOUT}, LOGGED: "no logs of the CLI"}

    def rows() -> Iterator[list[str]]:
        for setup, label in labels.items():
            if not (sample := results.samples.get(Key(setup, PREVIEW, n))):
                continue  # it was added since
            more = f"{sample.processor - base:+.2f} s" if setup != PATCHED else ""
            parts = [format_seconds(sample.processes[kind].processor) for kind in (PROGRAM, ENGINE)]
            yield [label, format_seconds(sample.processor), more, *parts]

    return f"The processor time of a preview of {n:,} flow logs:\n\n{grid(head, rows(), left=1)}"


def backends(results: Results) -> str:
    """Where the state may be."""
    labels = {SERVICE: "service", OURS.name: "file", POSTGRESQL: "PostgreSQL"}
    numbers = _numbers(results.samples, SERVICE, UP)
    rows = [
        [label, f"{n:,}", *_up_and_destroy(results.samples, setup, n)]
        for n in numbers
        for setup, label in labels.items()
    ]
    return grid(("state", "flow logs", "`up`", "`destroy`", "processor time of the engine"), rows, left=1)


def widths(results: Results) -> str:
    """How many operations at once."""
    n = _numbers(results.samples, SERVICE, UP)[0]
    defaults = {OURS.name: PARALLEL, SERVICE: WIDE}
    head = ("at once", *(f"`{command}`, {label}" for label in ("file", "service") for command in (UP, DESTROY)))

    def rows() -> Iterator[list[str]]:
        for width in (NARROW, PARALLEL, WIDE):
            row = [f"{width}"]
            for setup, default in defaults.items():
                name = setup if width == default else AT_WIDTH.format(setup, width)
                row += _up_and_destroy(results.samples, name, n)[:2]
            yield row

    return f"{n:,} flow logs:\n\n{grid(head, rows(), left=0)}"


def settings(results: Results) -> str:
    """What makes the state in a file faster."""
    n = _numbers(results.samples, ZSTD, UP)[0]
    labels = {OURS.name: "none", ZSTD: f"`{ZSTD}`", GOGC: f"`{GOGC}`"}
    rows = [[label, *_up_and_destroy(results.samples, setup, n)] for setup, label in labels.items()]
    table = grid(("setting", "`up`", "`destroy`", "processor time of the engine"), rows, left=1)
    return f"{n:,} flow logs:\n\n{table}"


def stacks(results: Results) -> str:
    """One stack, or several side by side."""
    commands = (UP, PREVIEW, DESTROY)
    (n,) = _numbers(results.samples, STACKS.format(SPLITS[0]), UP)
    head = ("stacks", "flow logs each", *(f"`{command}`" for command in commands), "processor time", "memory")

    def rows() -> Iterator[list[str]]:
        for number in (1, *SPLITS):
            setup = STACKS.format(number) if number > 1 else OURS.name
            samples = [results.samples[Key(setup, command, n)] for command in commands]
            yield [
                f"{number}",
                f"{n // number:,}",
                *map(_seconds, samples),
                format_seconds(sum(sample.processor for sample in samples)),
                f"{max(sample.memory_mb for sample in samples):,.0f} MB",
            ]

    return f"{n:,} flow logs in all:\n\n{grid(head, rows(), left=0)}"


def targets(results: Results) -> str:
    """The verdicts."""
    marks = {True: "met", False: "**missed**", None: NOT_MEASURED}
    rows = [(verdict.target, verdict.measured, marks[verdict.met]) for verdict in judge(results.samples)]
    return grid(("target", "measured", "verdict"), rows, left=3)


TITLES = {
    "previews": "Previews",
    "parts": "What a preview is made of",
    "hosts": "Hosts",
    "patches": "Patches of the SDK",
    "backends": "State backends",
    "widths": "Operations at once",
    "settings": "A faster file",
    "stacks": "Stacks side by side",
}
"""The headings in results.md."""
QUICK_BLOCKS = ("previews", "hosts")
"""What the quick form has figures of."""
BLOCKS: Mapping[str, Callable[[Results], str]] = {
    block.__name__: block for block in (readme, previews, parts, hosts, patches, backends, widths, settings, stacks)
}
"""What a page may have between its marks, by name."""


def fill(page: str, results: Results) -> str:
    """The page with the figures of these results in each of its blocks."""

    def filled(block: re.Match[str]) -> str:
        begin, name, end = block.groups()
        text = BLOCKS[name](results)
        origin = "" if name == readme.__name__ else f"\n\n{_origin(results)}"
        return f"{begin}\n\n{text}{origin}\n\n{end}"

    return re.sub(r"(<!-- bench (\w+): begin -->).*?(<!-- bench \2: end -->)", filled, page, flags=re.DOTALL)


def report(results: Results, names: tuple[str, ...]) -> str:
    """The page with these blocks and the targets."""
    tables = [f"## {TITLES[name]}\n\n{BLOCKS[name](results)}" for name in names]
    return (
        "\n\n".join(
            ("# Results of `make bench`", _origin(results), EXPLANATION, *tables, "## Targets", targets(results))
        )
        + "\n"
    )


def _origin(results: Results) -> str:
    return f"Commit `{results.commit}`, {results.date}, {results.processors} processors."


def _numbers(samples: Samples, setup: str, command: str) -> list[int]:
    """With how many flow logs this was measured."""
    return sorted(key.n for key in samples if (key.setup, key.command) == (setup, command))


def _seconds(sample: Sample | None) -> str:
    return format_seconds(sample.seconds) if sample else ""


def _up_and_destroy(samples: Samples, setup: str, n: int) -> list[str]:
    """Seconds of each, and the processor time of the engine."""
    found = [samples.get(Key(setup, command, n)) for command in (UP, DESTROY)]
    processor = ", ".join(format_seconds(sample.processes[ENGINE].processor) for sample in found if sample)
    return [*(_seconds(sample) or NOT_MEASURED for sample in found), processor]
