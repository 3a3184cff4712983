"""The comment for a pull request: Markdown that shows how flow logs change, within the length of a comment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stacks.commands.review.markdown import NOTHING, code, prose
from stacks.commands.review.model import LOUD, Difference, Kind, LogStoreRow, Row, StackReview, count_log_stores

MARKER = "<!-- otc-flow-logs review -->"
"""The first line, by which a pipeline finds its comment."""

LONGEST = 65_000
"""Characters; GitHub takes 65,536."""

FOLDED_ABOVE = 20
"""Tables with more rows than this are folded."""

ERROR_LENGTH = 2_000  # characters; an error ends with what to do

VALUE_LENGTH = 120  # characters, of a property's old or new value

LOG_STORES = "log groups and streams"

IN_COUNTS = (Kind.DELETE, Kind.MOVE, Kind.REPLACE, Kind.CHANGE, Kind.CREATE, Kind.IMPORT)


@dataclass(frozen=True)
class Group:
    """A table or list of a section; some of its lines may be left out.

    Attributes:
        urgency: A group with a smaller number keeps its lines longer.
        title: The line above; empty for none.
        header: The first lines of a table; empty for a list.
        lines: The rows of the table, or the items of the list.
        more: The sentence about lines that are left out, by their number.
        is_loud: Whether it stays open when it is folded.
    """

    urgency: int
    title: str
    header: Sequence[str]
    lines: Sequence[str]
    more: Callable[[int], str]
    is_loud: bool = False

    @property
    def frame(self) -> int:
        """An upper bound of the characters besides the lines."""
        return len(self.rendered(0)) + 2 * len("\n\n")

    def rendered(self, kept: int) -> str:
        """The Markdown with so many of its lines."""
        blocks = ["\n".join([*self.header, *self.lines[:kept]])]
        if kept < len(self.lines):
            blocks.append(self.more(len(self.lines) - kept))
        if self.header and len(self.lines) > FOLDED_ABOVE:
            opening = "<details open>" if self.is_loud else "<details>"
            blocks = [f"{opening}<summary>{self.title}</summary>", *blocks, "</details>"]
        elif self.title:
            blocks.insert(0, self.title)
        return "\n\n".join(blocks)


@dataclass(frozen=True)
class Section:
    """One stack.

    Attributes:
        urgency: A section with a smaller value is kept longer, if there are too many.
        head: Its first lines.
        groups: Its tables and lists.
    """

    urgency: tuple[object, ...]
    head: str
    groups: Sequence[Group]

    def rendered(self, kept: Iterable[int]) -> str:
        """The Markdown with so many lines of each group, and without groups that have none."""
        groups = (group.rendered(number) for group, number in zip(self.groups, kept, strict=True) if number)
        return "\n\n".join([self.head, *groups])


def comment(reviews: Iterable[StackReview], longest: int = LONGEST) -> str:
    """The whole comment. The same reviews, in any order, give the same text.

    Args:
        reviews: The stacks.
        longest: The maximum number of characters; at least a thousand.
    """
    ordered = in_order(reviews)
    head = "\n".join([MARKER, f"## {heading(ordered)}"])
    sections = [_section(review) for review in ordered]
    rows = sum(len(group.lines) for section in sections for group in section.groups)
    budget = longest - len(head) - len("\n\n") - len(_left_out(len(sections), rows))
    kept, budget = _affordable(sections, budget)
    lines = _lines([section.groups for section in kept], budget)
    blocks = [head, *(section.rendered(numbers) for section, numbers in zip(kept, lines, strict=True))]
    rows -= sum(map(sum, lines))
    if rows or len(kept) < len(sections):
        blocks.append(_left_out(len(sections) - len(kept), rows))
    return "\n\n".join(blocks)


def in_order(reviews: Iterable[StackReview]) -> list[StackReview]:
    """Sorted by stack; stacks with nothing to do come last."""
    return sorted(reviews, key=lambda review: (review.is_quiet, review.stack))


def _left_out(stacks: int, rows: int) -> str:
    what = f"{rows:,} rows of tables and lists" + (f" and {stacks:,} whole stacks" if stacks else "")
    return f"**There was no room for {what}**: `STACK=… make preview` shows them."


def _affordable(sections: Sequence[Section], budget: int) -> tuple[list[Section], int]:
    """The most urgent sections that fit, and the characters that are left."""
    kept = set()
    for index, section in sorted(enumerate(sections), key=lambda item: item[1].urgency):
        cost = len(section.head) + len("\n\n")
        if cost > budget:
            break
        budget -= cost
        kept.add(index)
    return [section for index, section in enumerate(sections) if index in kept], budget


def _lines(sections: Sequence[Sequence[Group]], budget: int) -> list[list[int]]:
    """How many lines of each group fit: the most urgent groups first, shared equally among the stacks."""
    numbers = [[0] * len(groups) for groups in sections]
    for urgency in sorted({group.urgency for groups in sections for group in groups}):
        places = [
            (number, index, group)
            for number, groups in zip(numbers, sections, strict=True)
            for index, group in enumerate(groups)
            if group.urgency == urgency
        ]
        while places:
            open_places = []
            for number, index, group in places:
                if number[index] == len(group.lines):
                    continue
                cost = len(group.lines[number[index]]) + len("\n") + (0 if number[index] else group.frame)
                if cost <= budget:
                    budget -= cost
                    number[index] += 1
                    open_places.append((number, index, group))
            places = open_places
    return numbers


def heading(reviews: Sequence[StackReview]) -> str:
    """How many flow logs, log groups and streams of all stacks change, and how many previews failed."""
    failed = sum(review.is_failed for review in reviews)
    parts = []
    if failed:
        parts.append(f"{failed:,} of {_number(len(reviews), 'preview')} failed")
    totals = {kind: sum(review.count(kind) for review in reviews) for kind in IN_COUNTS}
    parts.extend(f"{number:,} {kind.value}" for kind, number in totals.items() if number)
    log_stores = count_log_stores(reviews)
    what = f"Flow logs: {', '.join(parts) or ('unchanged' if log_stores else 'nothing to do')}"
    return "; ".join([what, *([f"{LOG_STORES}: {', '.join(log_stores)}"] if log_stores else [])])


def _number(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _section(review: StackReview) -> Section:
    stack = code(review.stack)
    if review.is_quiet:
        head = f"**{stack}**: nothing to do, {review.unchanged:,} unchanged"
        return Section(urgency=(3, review.stack), head=head, groups=())
    more = _more(review.stack)
    errors = Group(1, "", (), [f"- ❌ {prose(error, ERROR_LENGTH)}" for error in review.errors], more)
    if review.is_failed:
        failure = f": {prose(review.failure)}" if review.failure else ""
        hint = "" if review.errors else " Its standard error may say why."
        head = f"### Stack {stack}\n\n❌ **The preview failed**, so the changes are unknown{failure}.{hint}"
        return Section(urgency=(0, review.stack), head=head, groups=[errors] if errors.lines else ())
    warnings = Group(3, "", (), [f"- ⚠️ {prose(warning)}" for warning in review.warnings], more)
    tables = [_table(kind, review.rows[kind], more) for kind in Kind if review.count(kind)]
    tables += _log_stores(review.log_stores, more)
    return Section(
        urgency=(1 if review.is_loud else 2, review.stack),
        head=f"### Stack {stack}\n\n{describe_counts(review, emphasize='**{}**'.format)}",
        groups=[*tables, *([warnings] if warnings.lines else ())],
    )


def _more(stack: str) -> Callable[[int], str]:
    return lambda number: f"… and {number:,} more: `STACK={stack} make preview`"


def describe_counts(review: StackReview, emphasize: Callable[[str], str] = str) -> str:
    """How many flow logs, log groups and streams of a stack change, with emphasis on what is loud."""
    counts = [emphasize(text) if kind in LOUD else text for kind, text in review.counts(IN_COUNTS).items()]
    flow_logs = ", ".join([*counts, *([f"{review.unchanged:,} unchanged"] if review.unchanged else [])])
    log_stores = [emphasize(text) if is_loud else text for text, is_loud in count_log_stores([review]).items()]
    return "; ".join(filter(None, [flow_logs, f"{LOG_STORES}: {', '.join(log_stores)}" if log_stores else ""]))


def _log_stores(rows: Sequence[LogStoreRow], more: Callable[[int], str]) -> Iterator[Group]:
    """The tables of what deletes records, and of the rest."""
    for is_loud in (True, False):
        if shown := [row for row in rows if row.is_loud is is_loud]:
            title = "⚠️ Log groups and streams whose records are deleted" if is_loud else "Log groups and streams"
            yield Group(
                urgency=0 if is_loud else 5,
                title=f"<b>{title}</b>" if len(shown) > FOLDED_ABOVE else f"**{title}**",
                header=("| log group or stream | what happens | details |", "| --- | --- | --- |"),
                lines=[f"| {' | '.join(_log_store_cells(row))} |" for row in shown],
                more=more,
                is_loud=is_loud,
            )


def _log_store_cells(row: LogStoreRow) -> Sequence[str]:
    note = f" ({prose(row.note)})" if row.note else ""
    return code(row.name), f"{prose(row.sentence)}{note}", "<br>".join(map(_difference, row.differences)) or NOTHING


@dataclass(frozen=True)
class _Table:
    """The table of one kind of change: its title for one flow log or several, and its last column.

    Attributes:
        promise: The end of the title, unless a flow log is disabled.
    """

    urgency: int
    singular: str
    plural: str
    heading: str
    last_cell: Callable[[Row], str]
    promise: str = ""


def _differences(row: Row) -> str:
    return "<br>".join(map(_difference, row.differences)) or NOTHING


def _difference(difference: Difference) -> str:
    what, old, new = difference.what, difference.old, difference.new
    values = " → ".join(code(value, VALUE_LENGTH) for value in (old, new) if value)
    label = code(what) if "_" in what and what.isidentifier() else prose(what)
    return f"{label}: {values}" if values else label


def _moved(row: Row) -> str:
    return "<br>".join(
        f"{code(moved.old, VALUE_LENGTH)} → {code(moved.new, VALUE_LENGTH)}" for moved in row.differences
    )


def _target(row: Row) -> str:
    return code(row.logs_to)


def _imported(row: Row) -> str:
    return "<br>".join([_target(row), *map(_difference, row.differences)])


_TABLES: Mapping[Kind, _Table] = {
    Kind.DELETE: _Table(
        urgency=0,
        singular="⚠️ {}: the record that it writes ends",
        plural="⚠️ {}: the records that they write end",
        heading="logged to",
        last_cell=_target,
    ),
    Kind.MOVE: _Table(
        urgency=1,
        singular="{}: the new flow log is created first, then the old one is deleted",
        plural="{}: the new flow logs are created first, then the old ones are deleted",
        promise=", so that no record has a gap",
        heading="from → to",
        last_cell=_moved,
    ),
    Kind.REPLACE: _Table(
        urgency=2,
        singular="⚠️ {}: deleted, and then created again",
        plural="⚠️ {}: deleted, and then created again",
        heading="because of",
        last_cell=_differences,
    ),
    Kind.CHANGE: _Table(urgency=4, singular="{}", plural="{}", heading="what changes", last_cell=_differences),
    Kind.IMPORT: _Table(
        urgency=5,
        singular="{}: it already exists and will be managed by this stack",
        plural="{}: they already exist and will be managed by this stack",
        heading="logs to, and what changes",
        last_cell=_imported,
    ),
    Kind.CREATE: _Table(urgency=6, singular="{}", plural="{}", heading="logs to", last_cell=_target),
}


def _table(kind: Kind, rows: Sequence[Row], more: Callable[[int], str]) -> Group:
    table = _TABLES[kind]
    title = (table.singular if len(rows) == 1 else table.plural).format(f"{len(rows):,} {kind.value}")
    disabled = sum(row.is_disabled for row in rows)
    which = "" if len(rows) == 1 else f"{disabled:,} of them "
    title += f"; ⚠️ {which}disabled, so that nothing is written" if disabled else table.promise
    return Group(
        urgency=table.urgency,
        title=f"<b>{title}</b>" if len(rows) > FOLDED_ABOVE else f"**{title}**",
        header=(f"| router | attachment | flow log | {table.heading} |", "| --- | --- | --- | --- |"),
        lines=[f"| {' | '.join(_cells(row, table))} |" for row in rows],
        more=more,
        is_loud=kind in LOUD or disabled > 0,
    )


def _cells(row: Row, table: _Table) -> Sequence[str]:
    note = f" ({prose(row.note)})" if row.note else ""
    return code(row.router), code(row.attachment), f"{code(row.flow_log)}{note}", table.last_cell(row)
