"""A program of somebody's own that declares one FlowLog."""

from __future__ import annotations

from tests.e2e.harness import Cloud, Project

# It ends with its language host, as the stack program does: otherwise the engine waits seconds for it after a failure.
PROGRAM = """
import os
import pulumi
import pulumi_random
from providers import watchdog
from providers.flow_log import FlowLog, FlowLogArgs

watchdog.exit_with_parent(os.getppid())

inputs = dict(
    er_id="{er_id}",
    resource_id="{resource_id}",
    log_group_id="{log_group_id}",
    log_stream_id="{log_stream_id}",
    name="by-program",
)
{lines}
FlowLog("shop", FlowLogArgs(**inputs), pulumi.ResourceOptions({options}))
"""


def declare(project: Project, cloud: Cloud, lines: str = "", options: str = "") -> None:
    """Replace the project's program by one with these lines and resource options."""
    store = cloud.server.store
    group = store.log_group("network")
    stream = store.log_tank.streams(cloud.server.project_id, group.id)[0]
    program = PROGRAM.format(
        er_id=store.router("er-core").id,
        resource_id=store.attachment("vpc-shop").id,
        log_group_id=group.id,
        log_stream_id=stream.id,
        lines=lines,
        options=options,
    )
    (project.directory / "__main__.py").write_text(program)
