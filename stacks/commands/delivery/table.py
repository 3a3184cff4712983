"""Delivery as a table for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from stacks.commands.coverage.model import RouterCoverage, Status
from stacks.commands.delivery.model import Delivery, State, Tally, Traffic, format_age
from stacks.commands.screen import FAINT, RED, fit, paint

HEADINGS = ("ROUTER", "ATTACHMENT", "DELIVERY", "LAST RECORD", "INGRESS", "EGRESS", "LOGS TO, OR WHAT IS WRONG")
LEFT_OUT_FIRST = ("LAST RECORD", "EGRESS", "INGRESS")
"""What a narrow terminal can do without: the age of a record that matters is in the reason."""
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def format_table(
    deliveries: Sequence[tuple[RouterCoverage, Delivery]],
    *,
    span: timedelta,
    caveat: str = "",
    in_colour: bool = False,
    columns: int | None = None,
) -> str:
    """Every flow log and every attachment without one, with what it has delivered in the span; and a summary.

    Args:
        deliveries: What to show.
        span: The time whose records are counted.
        caveat: See `Coverage.caveat`.
        in_colour: Whether flow logs that do not deliver are coloured.
        columns: The width of the terminal: a wider table lacks some columns. None: there is no limit.
    """
    rows = [HEADINGS, *(_row(router, delivery) for router, delivery in deliveries)]
    lines, left_out = fit(rows, LEFT_OUT_FIRST, columns=columns)
    if in_colour:
        lines = paint(lines, ["", *(_colour(delivery) for _, delivery in deliveries)])
    summary = summarize([delivery for _, delivery in deliveries], span=span, caveat=caveat)
    return "\n".join([*lines, *left_out, "", *summary])


def summarize(deliveries: Sequence[Delivery], *, span: timedelta, caveat: str) -> list[str]:
    """How many of the stack's flow logs deliver, as sentences, after the caveat."""
    counts = Counter(delivery.state for delivery in deliveries if delivery.is_expected)
    others = [f"{counts[state]} {state.value}" for state in State if state is not State.DELIVERING and counts[state]]
    sentence = f"{caveat}{counts[State.DELIVERING]} of {counts.total()} flow logs of this stack deliver"
    return [f"{', '.join([sentence, *others])}. Ingress and egress are those of the last {format_age(span)}."]


def format_time(time: datetime | None) -> str:
    """A time in UTC, to the second; "-" for none."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ") if time else "-"


def explain(delivery: Delivery) -> str:
    """Where a flow log logs to, and what is wrong with it."""
    entry = delivery.entry
    if delivery.state is State.NOT_LOGGED:
        return delivery.reason
    logs_to = entry.described(entry.logs_to)
    return f"{logs_to}: {delivery.reason}" if delivery.reason else logs_to


def _colour(delivery: Delivery) -> str:
    if delivery.is_failing:
        return RED
    return "" if delivery.is_expected else FAINT


def _row(router: RouterCoverage, delivery: Delivery) -> Sequence[str]:
    tally = delivery.tally
    return (
        router.name,
        delivery.entry.attachment,
        _state(delivery),
        format_time(tally.last),
        _traffic(tally.ingress, tally),
        _traffic(tally.egress, tally),
        explain(delivery),
    )


def _state(delivery: Delivery) -> str:
    if delivery.entry.status in (Status.DESELECTED, Status.CANNOT_BE_LOGGED):
        return "-"
    return delivery.state.value.upper() if delivery.is_failing else delivery.state.value


def _traffic(traffic: Traffic, tally: Tally) -> str:
    if not traffic.records:
        return "-"
    more = "" if tally.is_complete else "+"
    plural = "" if traffic.records == 1 else "s"
    return f"{traffic.records}{more} record{plural}, {format_bytes(traffic.bytes)}{more}"


def format_bytes(number: int) -> str:
    """A number of bytes with a decimal unit: 999 B, 1.5 kB, 123 MB."""
    size, unit = float(number), 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.{1 if unit and size < 99.95 else 0}f} {_UNITS[unit]}"
