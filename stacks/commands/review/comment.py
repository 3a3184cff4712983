"""The comment: Markdown that says what becomes of the flow logs of some stacks, never longer than a comment may be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from stacks.commands.review.markdown import NOTHING, code, prose
from stacks.commands.review.model import Difference, Kind, Row, StackReview

MARKER = "<!-- otc-flow-logs review -->"
"""The first line, by which a pipeline finds its comment again."""

LONGEST = 65_000
"""Characters; GitHub takes 65,536."""

FOLDED_ABOVE = 20
"""Tables with more rows than this are folded."""

ERROR_LENGTH = 2_000  # characters; what to do about it comes last in one

VALUE_LENGTH = 120  # characters, of a property's old or new value

IN_COUNTS = (Kind.DELETE, Kind.MOVE, Kind.REPLACE, Kind.CHANGE, Kind.CREATE, Kind.IMPORT)
LOUD = (Kind.DELETE, Kind.MOVE, Kind.REPLACE)


@dataclass(frozen=True)
class Group:
    """Lines of a section that belong together, of which some may be left out.

    Attributes:
        urgency: Whose lines are kept longest; the smallest number's.
        title: Stands above; empty for nothing.
        header: The first lines of a table; empty for a list.
        lines: The rows of the table, or the list.
        more: What to say of lines that are left out, by how many they are.
        is_loud: Whether it is not hidden when it is folded.
    """

    urgency: int
    title: str
    header: Sequence[str]
    lines: Sequence[str]
    more: Callable[[int], str]
    is_loud: bool = False

    @property
    def frame(self) -> int:
        """No more characters than this are taken by what is not lines."""
        return len(self.rendered(0)) + 2 * len("\n\n")

    def rendered(self, kept: int) -> str:
        """With its first lines, so many of them."""
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
        urgency: Whose section is kept longest, if there are too many; the smallest.
        head: Its first lines.
        groups: What follows.
    """

    urgency: tuple[object, ...]
    head: str
    groups: Sequence[Group]

    def rendered(self, kept: Iterable[int]) -> str:
        """With so many lines of each group, and without a group of which there are none."""
        groups = (group.rendered(number) for group, number in zip(self.groups, kept, strict=True) if number)
        return "\n\n".join([self.head, *groups])


def comment(reviews: Iterable[StackReview], longest: int = LONGEST) -> str:
    """The whole comment. The same reviews, in any order, give the same text.

    Args:
        reviews: The stacks.
        longest: How many characters it may have; at least a thousand.
    """
    ordered = in_order(reviews)
    head = "\n".join([MARKER, f"## {heading(ordered)}"])
    sections = [_section(one) for one in ordered]
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
    """By stack, and those last where there is nothing to do."""
    return sorted(reviews, key=lambda one: (one.is_quiet, one.stack))


def _left_out(stacks: int, rows: int) -> str:
    what = f"{rows:,} rows of tables and lists" + (f" and {stacks:,} whole stacks" if stacks else "")
    return f"**There was no room for {what}**: `STACK=… make preview` shows them."


def _affordable(sections: Sequence[Section], budget: int) -> tuple[list[Section], int]:
    """The sections that there is room for, the urgent ones rather than others, and what is left of the room."""
    kept = set()
    for index, section in sorted(enumerate(sections), key=lambda one: one[1].urgency):
        cost = len(section.head) + len("\n\n")
        if cost > budget:
            break
        budget -= cost
        kept.add(index)
    return [section for index, section in enumerate(sections) if index in kept], budget


def _lines(sections: Sequence[Sequence[Group]], budget: int) -> list[list[int]]:
    """How many lines of each group there is room for: the urgent first, and of those as many for each stack."""
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
    """How many flow logs of all stacks something is to be done to, and how many previews failed."""
    failed = sum(one.is_failed for one in reviews)
    told = []
    if failed:
        told.append(f"{failed:,} of {_number(len(reviews), 'preview')} failed")
    totals = {kind: sum(one.count(kind) for one in reviews) for kind in IN_COUNTS}
    told.extend(f"{number:,} {kind.value}" for kind, number in totals.items() if number)
    return f"Flow logs: {', '.join(told) or 'nothing to do'}"


def _number(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _section(review: StackReview) -> Section:
    stack = code(review.stack)
    if review.is_quiet:
        head = f"**{stack}**: nothing to do, {review.unchanged:,} unchanged"
        return Section(urgency=(3, review.stack), head=head, groups=())
    more = _more(review.stack)
    errors = Group(1, "", (), [f"- ❌ {prose(one, ERROR_LENGTH)}" for one in review.errors], more)
    if review.is_failed:
        failure = f": {prose(review.failure)}" if review.failure else ""
        told = "" if review.errors else " Its standard error may say why."
        head = f"### Stack {stack}\n\n❌ **The preview failed**, so nobody knows what would change{failure}.{told}"
        return Section(urgency=(0, review.stack), head=head, groups=[errors] if errors.lines else ())
    warnings = Group(3, "", (), [f"- ⚠️ {prose(one)}" for one in review.warnings], more)
    tables = [_table(kind, review.rows[kind], more) for kind in Kind if review.count(kind)]
    return Section(
        urgency=(1 if any(review.count(kind) for kind in LOUD) else 2, review.stack),
        head=f"### Stack {stack}\n\n{_counts(review)}",
        groups=[*tables, *([warnings] if warnings.lines else ())],
    )


def _more(stack: str) -> Callable[[int], str]:
    return lambda number: f"… and {number:,} more: `STACK={stack} make preview`"


def _counts(review: StackReview) -> str:
    counts = []
    for kind in IN_COUNTS:
        number = review.count(kind)
        if number:
            told = f"{number:,} {kind.value}"
            counts.append(f"**{told}**" if kind in LOUD else told)
    if review.unchanged:
        counts.append(f"{review.unchanged:,} unchanged")
    return ", ".join(counts)


@dataclass(frozen=True)
class _Table:
    """How the flow logs of one kind are told: what is said of one or several, and the last column.

    Attributes:
        promise: What is also said, unless one of them is disabled.
    """

    urgency: int
    one: str
    several: str
    heading: str
    last_cell: Callable[[Row], str]
    promise: str = ""


def _differences(row: Row) -> str:
    return "<br>".join(map(_difference, row.differences)) or NOTHING


def _difference(difference: Difference) -> str:
    what, old, new = difference.what, difference.old, difference.new
    values = " → ".join(code(value, VALUE_LENGTH) for value in (old, new) if value)
    return f"{prose(what)}: {values}" if values else prose(what)


def _moved(row: Row) -> str:
    return "<br>".join(" → ".join(code(value, VALUE_LENGTH) for value in (one.old, one.new)) for one in row.differences)


def _target(row: Row) -> str:
    return code(row.logs_to)


def _imported(row: Row) -> str:
    return "<br>".join([_target(row), *map(_difference, row.differences)])


_TABLES: Mapping[Kind, _Table] = {
    Kind.DELETE: _Table(
        urgency=0,
        one="⚠️ {}: the record that it writes ends",
        several="⚠️ {}: the records that they write end",
        heading="logged to",
        last_cell=_target,
    ),
    Kind.MOVE: _Table(
        urgency=1,
        one="{}: the new flow log is made first, then the old one is deleted",
        several="{}: the new flow logs are made first, then the old ones are deleted",
        promise=", so that no record has a gap",
        heading="from → to",
        last_cell=_moved,
    ),
    Kind.REPLACE: _Table(
        urgency=2,
        one="⚠️ {}: deleted, and then created again",
        several="⚠️ {}: deleted, and then created again",
        heading="because of",
        last_cell=_differences,
    ),
    Kind.CHANGE: _Table(urgency=4, one="{}", several="{}", heading="what changes", last_cell=_differences),
    Kind.IMPORT: _Table(
        urgency=5,
        one="{}: it is there already and is taken over",
        several="{}: they are there already and are taken over",
        heading="logs to, and what changes",
        last_cell=_imported,
    ),
    Kind.CREATE: _Table(urgency=6, one="{}", several="{}", heading="logs to", last_cell=_target),
}


def _table(kind: Kind, rows: Sequence[Row], more: Callable[[int], str]) -> Group:
    table = _TABLES[kind]
    title = (table.one if len(rows) == 1 else table.several).format(f"{len(rows):,} {kind.value}")
    silenced = sum(row.is_silenced for row in rows)
    if silenced:
        which = "" if len(rows) == 1 else f"{silenced:,} of them "
        title += f"; ⚠️ {which}disabled, so that nothing is written"
    else:
        title += table.promise
    is_loud = kind in LOUD or silenced > 0
    return Group(
        urgency=table.urgency,
        title=f"<b>{title}</b>" if len(rows) > FOLDED_ABOVE else f"**{title}**",
        header=(f"| router | attachment | flow log | {table.heading} |", "| --- | --- | --- | --- |"),
        lines=[f"| {' | '.join(_cells(row, table))} |" for row in rows],
        more=more,
        is_loud=is_loud,
    )


def _cells(row: Row, table: _Table) -> Sequence[str]:
    note = f" ({prose(row.note)})" if row.note else ""
    return code(row.router), code(row.attachment), f"{code(row.flow_log)}{note}", table.last_cell(row)
