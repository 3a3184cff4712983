"""Coverage as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from stacks.commands.coverage.model import Coverage, Entry, RouterCoverage, Status
from stacks.commands.screen import FAINT, RED, fit, paint

HEADINGS = ("ROUTER", "ATTACHMENT", "TYPE", "STATE", "FLOW LOG", "LOGS TO, OR WHY NOT")
DELIVERY = "DELIVERY"
LEFT_OUT_FIRST = ("STATE", "TYPE", "FLOW LOG")
"""What a narrow terminal can do without: a state or type that matters is in the reason."""
_COLOURS = {Status.NOT_LOGGED: RED, Status.DESELECTED: FAINT, Status.CANNOT_BE_LOGGED: FAINT}


def format_table(coverage: Coverage, *, in_colour: bool = False, columns: int | None = None) -> str:
    """Every attachment with its flow logs, or why it is not logged; and a summary.

    Args:
        coverage: What to show.
        in_colour: Whether attachments that are not logged are coloured.
        columns: The width of the terminal: a wider table lacks some columns. None: there is no limit.
    """
    entries = [(router, entry) for router in coverage.routers for entry in router.entries]
    rows = [HEADINGS, *(_row(router, entry) for router, entry in entries)]
    if coverage.has_delivery:
        cells = [DELIVERY, *(entry.delivery or "-" for _, entry in entries)]
        rows = [(*row[:-1], cell, row[-1]) for row, cell in zip(rows, cells, strict=True)]
    lines, left_out = fit(rows, LEFT_OUT_FIRST, columns=columns)
    if in_colour:
        lines = paint(lines, ["", *(_COLOURS.get(entry.status, "") for _, entry in entries)])
    return "\n".join([*lines, *left_out, "", *_summary(coverage)])


def format_brief(coverage: Coverage) -> str:
    """A line for each attachment that is not logged, and the summary."""
    silent = [
        f"{router.name}/{entry.attachment} {_outcome(entry)}"
        for router in coverage.routers
        for entry in router.entries
        if entry.status is Status.NOT_LOGGED
    ]
    return "\n".join([*silent, *_summary(coverage)])


def _summary(coverage: Coverage) -> list[str]:
    """The counts, and the routers that are not in the stack, as sentences; mistakes may have left out routers."""
    counts, partly = coverage.counts, coverage.partly_logged
    others = {"not": counts.not_logged, "deselected": counts.deselected}
    more = [f"{number} {'is' if number == 1 else 'are'} {what}" for what, number in others.items() if number]
    more += [f"{counts.cannot_be_logged} cannot be"] if counts.cannot_be_logged else []
    headline = f"{coverage.caveat}{counts.logged} of {counts.loggable} loggable attachments are logged"
    lines = [f"{', '.join([headline, *more])}."]
    if partly:
        which = "1 logged attachment lacks" if partly == 1 else f"{partly} logged attachments lack"
        lines.append(f"{which} a flow log to another log stream that the stack file names.")
    if coverage.other_routers:
        lines.append(f"Not in this stack: router {', '.join(coverage.other_routers)}.")
    return [*lines, *(f"{sentence[0].upper()}{sentence[1:]}." for sentence in coverage.left_out)]


def _row(router: RouterCoverage, entry: Entry) -> Sequence[str]:
    return router.name, entry.attachment, entry.type, entry.state, entry.flow_log or "-", _outcome(entry)


def _outcome(entry: Entry) -> str:
    if entry.status is Status.NOT_LOGGED:
        return f"NOT LOGGED: {entry.reason}"
    return entry.described(entry.reason or entry.logs_to)
