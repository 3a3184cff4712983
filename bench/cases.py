"""What is measured, in which order, and about how long it takes."""

from __future__ import annotations

import contextlib
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from bench import state_backends
from bench.emulator_process import PASSWORD
from bench.processes import Children
from bench.results import Key, Sample, medians
from bench.site import (
    DESTROY,
    MAKE_PREVIEW,
    MAKE_UP,
    POLLS,
    PREVIEW,
    REFRESH,
    UP,
    WAITING,
    Site,
    baseline_site,
    new_site,
    side_by_side,
)
from bench.variants import BASE, FLOOR, OURS
from stacks.sdk_patches import GARBAGE_COLLECTION, PATCHES, SDK_DEBUG, THREADS
from tools.prepare import PARALLEL, WIDE

PARTS_POLLS = 0.05  # seconds
PATCHES_POLLS = 0.1

IN_PARTS = "{} in parts"
"""The setup of runs whose processes were looked at so often that it takes time."""
FOUR_ROUTERS = "4 routers"
SERVICE, POSTGRESQL = "service", "PostgreSQL"
NARROW = 32
AT_WIDTH = "{}, {} at once"
ZSTD, GOGC = "PULUMI_DIY_BACKEND_ZSTD=true", "GOGC=400"
PATCHED, LOGGED = "all patches", "CLI's log"
WITHOUT = (*(name for _, name, _ in PATCHES), GARBAGE_COLLECTION, THREADS)
"""What can be turned off in `stacks.sdk_patches`: each is the setup of the runs without it."""
STACKS = "{} stacks"
SPLITS = (2, 4, 8)


@dataclass(frozen=True)
class Sizes:
    """Numbers of flow logs and of repetitions.

    Attributes:
        small, medium, large: Flow logs; large ones are divided among routers.
        team: Flow logs with which all state backends are compared.
        repetitions: Of previews, by flow logs.
        runs: Repetitions of all else; `up` and `destroy` of large stacks run once.
    """

    small: int = 10
    medium: int = 100
    large: int = 1000
    team: int = 300
    repetitions: Sequence[int] = (7, 5, 5)
    runs: int = 3
    routers_of_large: int = max(SPLITS)


TRIAL = Sizes(small=1, medium=2, large=8, team=3, repetitions=(1, 1, 1), runs=1)


@dataclass(frozen=True)
class Step:
    """One part of the benchmark; `seconds` is about how long it takes."""

    what: str
    seconds: float
    run: Callable[[], None]


class Cases:
    """Collects the samples of all cases."""

    def __init__(self, children: Children, sizes: Sizes) -> None:
        self._children = children
        self._sizes = sizes
        self._samples: dict[Key, list[Sample]] = defaultdict(list)

    def medians(self) -> dict[Key, Sample]:
        """What was measured."""
        return {key: medians(samples) for key, samples in self._samples.items()}

    def quick(self) -> list[Step]:
        """What the targets and the README need, but for large stacks."""
        small, medium, _ = self._sizes.repetitions
        return [
            self._previews_step(self._sizes.small, small, 45),
            self._previews_step(self._sizes.medium, medium, 50),
            Step("requests of a preview with 4 routers", 5, self._requests),
            Step("up and destroy", 30, partial(self._runs, self._sizes.medium, 1, (UP, REFRESH, DESTROY))),
            Step("up with the host of the SDK", 70, partial(self._base_runs, self._sizes.medium, 1, (UP,))),
        ]

    def whole(self) -> list[Step]:
        """All that the documentation has figures of."""
        sizes, (small, medium, large) = self._sizes, self._sizes.repetitions
        every = (UP, PREVIEW, REFRESH, DESTROY)
        steps = [
            self._previews_step(sizes.small, small, 60, parts=True),
            self._previews_step(sizes.medium, medium, 50),
            self._previews_step(sizes.large, large, 280, parts=True, patches=True),
            Step("requests of a preview with 4 routers", 5, self._requests),
        ]
        for n, ours, base in ((sizes.small, 45, 30), (sizes.medium, 65, 140)):
            steps += [
                Step(f"up and destroy of {n}", ours, partial(self._runs, n, sizes.runs, every)),
                Step(f"the same with the host of the SDK, N={n}", base, partial(self._base_runs, n, sizes.runs, every)),
            ]
        steps += [
            Step(f"up and destroy of {sizes.large:,}", 280, partial(self._runs, sizes.large, 1, every)),
            Step("state in a file", 140, self._files),
            Step("state in a service", 110, self._services),
            Step("state in PostgreSQL", 320, self._postgresql),
        ]
        return steps + [Step(f"{number} stacks side by side", 70, partial(self._stacks, number)) for number in SPLITS]

    def _previews_step(
        self, n: int, repetitions: int, seconds: float, *, parts: bool = False, patches: bool = False
    ) -> Step:
        def run() -> None:
            with baseline_site(self._children) as baseline, self._site(n, latency=0) as ours:
                ours.prepare()
                baseline = replace(baseline, n=n)  # each n has a baseline of its own, measured at the same time
                for _ in range(repetitions):
                    self._take(baseline, PREVIEW, polls=0)
                    self._take(ours, MAKE_PREVIEW, polls=0)
                    self._take(ours, MAKE_UP, polls=0)
                if parts:
                    for _ in range(self._sizes.runs):
                        for site, command in ((baseline, PREVIEW), (ours, MAKE_PREVIEW)):
                            self._take(site.named(IN_PARTS.format(site.setup)), command, polls=PARTS_POLLS)
                if patches:
                    self._patches(ours)

        return Step(f"previews of {n:,}", seconds, run)

    def _patches(self, site: Site) -> None:
        home = Path(site.project.environment.get("PULUMI_HOME", "~/.pulumi")).expanduser()
        with _home_with_logs(home) as home_with_logs:
            setups: Mapping[str, Mapping[str, str]] = {
                PATCHED: {},
                **{name: {SDK_DEBUG: name} for name in WITHOUT},
                LOGGED: {"PULUMI_HOME": str(home_with_logs)},
            }
            for _ in range(self._sizes.runs):
                for setup, environment in setups.items():
                    self._take(site.named(setup), PREVIEW, polls=PATCHES_POLLS, **environment)

    def _requests(self) -> None:
        with new_site(self._children, FOUR_ROUTERS, 4 * self._sizes.small, routers=4, latency=0) as site:
            site.prepare()
            self._take(site, MAKE_PREVIEW)

    def _runs(self, n: int, runs: int, commands: Sequence[str]) -> None:
        """This project and the floor in turn."""
        for _ in range(runs):
            for variant in (FLOOR, OURS):
                with self._site(n, variant.name, variant=variant) as site:
                    for command in commands:
                        self._take(site, command)

    def _base_runs(self, n: int, runs: int, commands: Sequence[str]) -> None:
        """The SDK's host, whose repetitions run at the same time as long as they mostly wait."""
        with contextlib.ExitStack() as stack:
            sites = [stack.enter_context(new_site(self._children, BASE.name, n, variant=BASE)) for _ in range(runs)]
            for command in commands:
                measures = [partial(site.measure, command) for site in sites]
                if command in WAITING:
                    samples = side_by_side(measures, self._children)
                else:
                    samples = [measure() for measure in measures]
                self._samples[sites[0].key(command)] += samples

    def _files(self) -> None:
        """The state in a file, as it is and with settings that may make it faster."""
        self._up_and_destroy(OURS.name, self._sizes.team)
        for width in (NARROW, WIDE):
            self._up_and_destroy(AT_WIDTH.format(OURS.name, width), self._sizes.team, PULUMI_PARALLEL=str(width))
        for setting in (ZSTD, GOGC):
            name, _, value = setting.partition("=")
            self._up_and_destroy(setting, self._sizes.team, **{name: value})

    def _services(self) -> None:
        for n in (self._sizes.team, self._sizes.large):
            with state_backends.service(self._children) as variables:
                self._up_and_destroy(SERVICE, n, **variables)
        for width in (NARROW, PARALLEL):
            with state_backends.service(self._children) as variables:
                setup = AT_WIDTH.format(SERVICE, width)
                self._up_and_destroy(setup, self._sizes.team, PULUMI_PARALLEL=str(width), **variables)

    def _postgresql(self) -> None:
        with state_backends.postgresql() as variables:
            for n in (self._sizes.team, self._sizes.large) if variables else ():
                self._up_and_destroy(POSTGRESQL, n, **(variables or {}))

    def _up_and_destroy(self, setup: str, n: int, **environment: str) -> None:
        with self._site(n, setup, **environment) as site:
            for command in WAITING:
                self._take(site, command)

    def _stacks(self, number: int) -> None:
        """The large number of flow logs, divided among stacks that run side by side."""
        with self._site(self._sizes.large, STACKS.format(number), PULUMI_CONFIG_PASSPHRASE=PASSWORD) as site:
            each = self._sizes.routers_of_large // number
            configs = [
                site.emulator.stack_config(range(first, first + each)) for first in range(0, each * number, each)
            ]
            projects = [site.project.beside(f"site-{place}", config) for place, config in enumerate(configs)]
            for command in (UP, PREVIEW, DESTROY):
                self._samples[site.key(command)].append(site.measure_together(command, projects))

    def _site(self, n: int, setup: str = OURS.name, **options: Any) -> contextlib.AbstractContextManager[Site]:
        routers = self._sizes.routers_of_large if n == self._sizes.large else 1
        return new_site(self._children, setup, n, routers=routers, **options)

    def _take(self, site: Site, command: str, *, polls: float = POLLS, **environment: str) -> None:
        self._samples[site.key(command)].append(site.measure(command, polls, **environment))


@contextlib.contextmanager
def _home_with_logs(home: Path) -> Iterator[Path]:
    """A copy of the home of Pulumi in which the CLI may keep its logs."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        for entry in home.iterdir():
            if entry.name != "logs":
                Path(name, entry.name).symlink_to(entry)
        yield Path(name)
