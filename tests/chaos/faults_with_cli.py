"""Seeded runs of the real `pulumi`, all operations at once: faults and edits; then one more `up` converges.

A seed decides faults and edits, but not the order in which operations meet the faults.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random

from bench.emulator_process import LOG_GROUP, ROUTER
from bench.emulator_process import seed as world_of
from tests.chaos import desired, faults
from tests.chaos.desired import FlowLogSpec
from tests.chaos.expectations import LogStoreSpec, Override, Ref, RouterKey, StackFile, take_snapshot
from tests.chaos.faults_in_process import ATTACHMENTS, clear_faults, create_flow_logs_of_others
from tests.chaos.outcome import Outcome
from tests.chaos.site import BENCH_USER, Site, database_file, find_unfinished
from tests.e2e.harness import QUICK, Project, serving

UPS = 2  # with faults, before the one without
LATENCY, LIST_LAG = "0.2", "0.2"  # seconds


class FaultSite(Site):
    """A site for seeded runs."""

    def __init__(self, folder: Path) -> None:
        seed_file = folder / "seed.yaml"
        seed_file.write_text(json.dumps(world_of(ATTACHMENTS)))
        options = ("--seed", str(seed_file), "--latency", LATENCY, "--list-lag", LIST_LAG)
        super().__init__(folder, BENCH_USER, *options, routers={}, max_deletes=ATTACHMENTS)

    def run(self, seed: int) -> Outcome:
        """Run this seed."""
        rng, outcome = Random(seed), Outcome()
        with (
            self.copy(self.blank) as project,
            self.emulator(project) as emulator,
            serving(database_file(project)) as cloud,
        ):
            store = cloud.server.store
            store.add_log_stream(*desired.STREAMS[1].split("/"))
            attachments = sorted(attachment.name for attachment in store.network.all_attachments())
            others = create_flow_logs_of_others(cloud.server, rng, attachments)
            specs = desired.draw(rng, attachments)
            stores = desired.draw_log_stores(rng, specs)
            for _ in range(UPS):
                emulator.inject([*faults.draw(rng, stuck=False), faults.REFUSE], seed=rng.randrange(1_000_000))
                _write_stack_file(project, specs, stores)
                project.pulumi("up", "--refresh", *QUICK)
                outcome.injected.update(Counter(emulator.injected()))
                specs = desired.change(rng, specs, attachments)
                stores = desired.draw_log_stores(rng, specs)
            emulator.inject([])
            clear_faults(cloud.server)
            _write_stack_file(project, specs, stores)
            last = project.pulumi("up", "--refresh", *QUICK)
            outcome.problems = [] if last.ok else [last.output]
            outcome.problems += desired.find_differences(specs, store, others=others)
            existing = take_snapshot(store).log_stores
            outcome.problems += desired.find_log_store_differences(stores, existing, project.log_stores())
            outcome.problems += find_unfinished(project, cloud.flow_logs().keys() - others.keys())
        return outcome


def _write_stack_file(project: Project, specs: dict[str, FlowLogSpec], stores: dict[str, LogStoreSpec]) -> None:
    """Write the stack file that asks for these flow logs, log groups and log streams."""
    keys = {}
    for number, stream in enumerate(desired.STREAMS):
        chosen = {attachment: spec for attachment, spec in specs.items() if spec.stream == stream}
        group, _, name = stream.partition("/")
        if stream in stores or group == LOG_GROUP:
            overrides = {
                Ref(attachment, ""): Override(name=spec.name, enabled=spec.enabled)
                for attachment, spec in chosen.items()
            }
            attachments = tuple(Ref(attachment, "") for attachment in sorted(chosen))
            keys[f"key-{number}"] = RouterKey(ROUTER, group, name, attachments, overrides=overrides)
    project.change_config(**StackFile(keys, stores).config())
