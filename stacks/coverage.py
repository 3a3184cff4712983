"""The coverage table: `pulumi stack output --json | python -m stacks.coverage`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from providers.er.failures import printable

HEADINGS = ("ROUTER", "ATTACHMENT", "TYPE", "STATE", "FLOW LOG", "LOGS TO, OR WHY NOT")


def table(outputs: Mapping[str, Any]) -> str:
    """Every attachment with its flow log, or why it has none; and a line that counts them."""
    if "coverage" not in outputs:
        return "No flow logs: the stack has no resources."
    rows = [[printable(cell) for cell in row] for router in outputs["routers"].values() for row in _rows(router)]
    coverage = outputs["coverage"]
    lines = list(_aligned([HEADINGS, *rows]))
    lines += ["", f"{coverage['logged']} of {coverage['loggable']} loggable attachments are logged"]
    if coverage["skipped_count"]:
        lines[-1] += f", {coverage['skipped_count']} cannot be"
    return "\n".join(lines) + "."


def _rows(router: Mapping[str, Any]) -> Iterable[Sequence[str]]:
    name = router["router"]["name"] or router["router"]["id"]
    flow_logs = router["flow_logs"]
    for id_, attachment in sorted(router["attachments"].items(), key=lambda item: str(item[1]["name"])):
        logged = (
            (flow_logs[id_], attachment["logs_to"] if attachment["enabled"] else "nothing: disabled")
            if id_ in flow_logs
            else ("-", attachment["not_logged"])
        )
        yield (name, attachment["name"] or id_, attachment["type"], attachment["state"], *logged)
    for named, reason in router["coverage"]["skipped"].items():
        if named not in router["attachments"]:
            yield (name, named, "-", "-", "-", reason)


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def main() -> None:
    """Print the table of the outputs on standard input."""
    text = sys.stdin.read()
    if not text.strip():
        sys.exit(1)  # `pulumi stack output` has failed, and has said why
    print(table(json.loads(text)))


if __name__ == "__main__":
    main()
