"""Delivery for programs, as JSON, and for an issue, as Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

from stacks.commands.coverage.model import Coverage, RouterCoverage
from stacks.commands.coverage.report import identify
from stacks.commands.delivery.model import Delivery
from stacks.commands.delivery.table import explain, format_time, summarize
from stacks.commands.review.markdown import code, prose

MAX_ROWS = 50  # an issue has a limited length


def format_json(coverage: Coverage, deliveries: Sequence[tuple[RouterCoverage, Delivery]], *, span: timedelta) -> str:
    """Everything that the table has, and the ids."""
    document = {
        "stack": coverage.stack,
        "seen_at": coverage.seen_at,
        "span_seconds": int(span.total_seconds()),
        "mistakes": list(coverage.mistakes),
        "attachments": [_object(router, delivery) for router, delivery in deliveries],
    }
    return json.dumps(document, indent=2)


def _object(router: RouterCoverage, delivery: Delivery) -> dict[str, object]:
    entry, tally = delivery.entry, delivery.tally
    return {
        **identify(router, entry),
        "is_expected": delivery.is_expected,
        "state": delivery.state.value,
        "reason": delivery.reason or None,
        "last_record": format_time(tally.last) if tally.last else None,
        "ingress": asdict(tally.ingress),
        "egress": asdict(tally.egress),
        "is_complete": tally.is_complete,
    }


def format_markdown(
    coverage: Coverage, deliveries: Sequence[tuple[RouterCoverage, Delivery]], *, span: timedelta
) -> str:
    """A section that lists what should deliver and does not."""
    failing = [(router, delivery) for router, delivery in deliveries if delivery.is_failing]
    rows = [
        f"| {code(router.name)} | {code(delivery.entry.attachment)} | {delivery.state.value} |"
        f" {format_time(delivery.tally.last)} | {prose(explain(delivery))} |"
        for router, delivery in failing[:MAX_ROWS]
    ]
    table = [
        "",
        "| router | attachment | delivery | last record | logs to, and what is wrong |",
        "| --- | --- | --- | --- | --- |",
        *rows,
    ]
    more = [f"\nAnd {len(failing) - MAX_ROWS} more."] if len(failing) > MAX_ROWS else []
    mistakes = [f"- {prose(sentence)}" for sentence in coverage.mistakes]
    sentences = summarize([delivery for _, delivery in deliveries], span=span, caveat=coverage.caveat)
    return "\n".join(
        [f"### Delivery of stack {code(coverage.stack)}", "", *sentences, *mistakes, *(table if failing else []), *more]
    )
