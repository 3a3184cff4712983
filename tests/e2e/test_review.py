"""What a pull request would be told, from the preview of the real `pulumi`."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.e2e.harness import STACK, TIMEOUT, Project, World


@pytest.mark.up
def test_one_comment_tells_by_name_what_is_deleted_replaced_changed_imported_and_created(
    project: Project, world: World
) -> None:
    store = world.server.store
    store.remove_attachment("vpc-shop-staging")
    store.add_attachment("er-edge", "vpc-|`new`")
    store.add_attachment("er-core", "vpc-taken")
    world.log("vpc-taken", "by-hand")
    store.rename_flow_log("core-vpc-data-platform-f25584d3", "renamed")
    project.change_router(
        "core",
        adopt=True,
        overrides={"vpc-shop": {"name": "the-shop"}, "vpc-payments": {"log_stream": "er-flow-logs-archive"}},
    )

    previewed = subprocess.run(
        ["pulumi", "preview", "--json", "--refresh", "--stack", STACK, "--non-interactive"],
        cwd=project.directory,
        env={**project.environment, "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT,
        check=True,
    )
    told = subprocess.run(
        [sys.executable, "-m", "stacks.review", f"{STACK}=-"],
        cwd=project.directory,
        env=project.environment,
        input=previewed.stdout,
        capture_output=True,
        timeout=TIMEOUT,
        check=True,
    )

    text = told.stdout.decode()
    assert "**1 to delete**, **1 to replace**, 2 to change, 1 to create, 1 to import, 6 unchanged\n" in text
    tables = re.findall(r"^\| `er-.*", text, re.MULTILINE)
    for row, expected in zip(
        tables,
        (
            "| `er-core` | `vpc-shop-staging` | `core-vpc-shop-staging-4ce7dd7c` (the attachment is gone) |"
            " `network/er-flow-logs` |",
            "| `er-core` | `vpc-payments` | `core-vpc-payments-8bd9e320` |"
            " logs to: `network/er-flow-logs` → `network/er-flow-logs-archive` |",
            "| `er-core` | `vpc-data-platform` | `core-vpc-data-platform-f25584d3` (was changed by hand) |"
            " name: `renamed` → `core-vpc-data-platform-f25584d3` |",
            "| `er-core` | `vpc-shop` | `the-shop` | name: `core-vpc-shop-e4ec9862` → `the-shop` |",
            "| `er-core` | `vpc-taken` | `core-vpc-taken-",
            "| `er-edge` | <code>vpc-&#124;&#96;new&#96;</code> | `edge-vpc--new-",
        ),
        strict=True,
    ):
        assert row.startswith(expected)
    assert "<br>name: `by-hand` → `core-vpc-taken-" in tables[4]
    assert tables[5].endswith(" | `network/er-flow-logs` |")
    assert "- ⚠️ not logged on er-edge: vpc-partner-lab waits for the router's owner to accept it" in text
    assert str(project.directory) not in text
