"""The comment on a pull request, made from a preview of the real `pulumi`."""

from __future__ import annotations

import re
import sys

import pytest

from tests.e2e.harness import STACK, Cloud, Project
from tests.e2e.record_previews import preview

NO_GAP = "**1 to move: the new flow log is created first, then the old one is deleted**"


@pytest.mark.up
def test_preview_becomes_a_comment_with_names_and_reasons(project: Project, cloud: Cloud) -> None:
    store = cloud.server.store
    store.remove_attachment("vpc-shop-staging")
    store.add_attachment("er-edge", "vpc-|`new`")
    store.add_attachment("er-core", "vpc-taken")
    cloud.log("vpc-taken", "by-hand")
    store.rename_flow_log("core-vpc-data-platform", "renamed")
    project.change_router(
        "core",
        adopt=True,
        overrides={"vpc-shop": {"name": "the-shop"}, "vpc-payments": {"log_stream": "er-flow-logs-archive"}},
    )

    preview_events = preview(project, "--refresh")
    review = [sys.executable, "-m", "stacks.review", f"{STACK}=-"]
    text = project.run(review, input=preview_events).output

    assert "**1 to delete**, **1 to move**, 2 to change, 1 to create, 1 to import, 6 unchanged\n" in text
    assert text.index("**⚠️ 1 to delete: the record that it writes ends**") < text.index(NO_GAP)
    tables = re.findall(r"^\| `er-.*", text, re.MULTILINE)
    for row, expected in zip(
        tables,
        (
            "| `er-core` | `vpc-shop-staging` | `core-vpc-shop-staging` (the attachment is gone) |"
            " `network/er-flow-logs` |",
            "| `er-core` | `vpc-payments` | `core-vpc-payments` |"
            " `network/er-flow-logs` → `network/er-flow-logs-archive`, no gap |",
            "| `er-core` | `vpc-data-platform` | `core-vpc-data-platform` (was changed by hand) |"
            " name: `core-vpc-data-platform` → `renamed` → `core-vpc-data-platform` |",
            "| `er-core` | `vpc-shop` | `the-shop` | name: `core-vpc-shop` → `the-shop` |",
            "| `er-core` | `vpc-taken` | `core-vpc-taken` |",
            "| `er-edge` | <code>vpc-&#124;&#96;new&#96;</code> | `edge-vpc--new-",
            "| `er-core` | `cfw-perimeter` | is of type cfw, which cannot be logged |",
            "| `er-edge` | `vpc-partner-lab` | waits for the router's owner to accept it |",
        ),
        strict=True,
    ):
        assert row.startswith(expected)
    assert "<br>name: `by-hand` → `core-vpc-taken`" in tables[4]
    assert tables[5].endswith(" | `network/er-flow-logs` |")
    assert str(project.directory) not in text

    lines = project.run([*review, "--text"], input=preview_events).output.splitlines()
    assert max(map(len, lines)) <= 80
    titles = [line for line in lines if re.match(r"\d.* TO ", line)]
    assert titles == [
        "1 TO DELETE: THE RECORD THAT IT WRITES ENDS",
        "1 TO MOVE: THE NEW FLOW LOG IS CREATED FIRST, THEN THE OLD ONE IS DELETED",
    ]
