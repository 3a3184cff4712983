"""The comment for a pull request: Markdown that shows how flow logs change, within the length of a comment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from providers.preview_notes import SkippedAttachment
from stacks.commands.review import words
from stacks.commands.review.markdown import NOTHING, code, prose
from stacks.commands.review.model import Difference, Kind, LogStoreRow, Row, StackReview

_ARROW = " → "

MARKER = "<!-- otc-flow-logs review -->"
"""The first line, by which a pipeline finds its comment."""

LONGEST = 65_000
"""Characters; GitHub takes 65,536."""

FOLDED_ABOVE = 20
"""Tables with more rows than this are folded."""


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
    ordered = words.in_order(reviews)
    head = "\n".join([MARKER, f"## {words.heading(ordered)}"])
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


def _section(review: StackReview) -> Section:
    stack = code(review.stack)
    if review.is_quiet:
        return Section(urgency=(3, review.stack), head=f"**{stack}**: {words.nothing_to_do(review)}", groups=())
    more = _more(review.stack)
    if review.is_failed:
        errors = Group(1, "", (), [f"- ❌ {prose(error, words.ERROR_LENGTH)}" for error in review.errors], more)
        failed = f"❌ **{words.FAILED.capitalize()}**{words.why_failed(review, prose)}"
        head = f"### Stack {stack}\n\n{failed}"
        return Section(urgency=(0, review.stack), head=head, groups=[errors] if errors.lines else ())
    warnings = Group(3, "", (), [f"- ⚠️ {prose(warning)}" for warning in review.warnings], more)
    groups = [
        *(_table(kind, review.rows[kind], more) for kind in Kind if review.count(kind)),
        *_log_stores(review.log_stores, more),
        *_skipped(review.skipped, more),
        *([warnings] if warnings.lines else ()),
    ]
    return Section(
        urgency=(1 if review.is_loud else 2, review.stack),
        head=f"### Stack {stack}\n\n{words.counts(review, emphasize='**{}**'.format)}",
        groups=groups,
    )


def _more(stack: str) -> Callable[[int], str]:
    return lambda number: f"… and {number:,} more: `STACK={stack} make preview`"


def _table_group(
    urgency: int,
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    more: Callable[[int], str],
    *,
    is_loud: bool = False,
) -> Group:
    return Group(
        urgency=urgency,
        title=f"<b>{title}</b>" if len(rows) > FOLDED_ABOVE else f"**{title}**",
        header=(_line(columns), _line(["---"] * len(columns))),
        lines=[_line(row) for row in rows],
        more=more,
        is_loud=is_loud,
    )


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _log_stores(rows: Sequence[LogStoreRow], more: Callable[[int], str]) -> Iterator[Group]:
    """The tables of what deletes records, and of the rest."""
    for is_loud in (True, False):
        if shown := [row for row in rows if row.is_loud is is_loud]:
            yield _table_group(
                0 if is_loud else 5,
                f"{_mark(is_loud)}{words.log_stores_title(is_loud=is_loud).capitalize()}",
                ("log group or stream", "what happens", "details"),
                [_log_store_cells(row) for row in shown],
                more,
                is_loud=is_loud,
            )


def _log_store_cells(row: LogStoreRow) -> Sequence[str]:
    return code(row.name), f"{row.sentence}{_note(row)}", _lines_of(map(_difference, row.differences))


def _skipped(skipped: Sequence[SkippedAttachment], more: Callable[[int], str]) -> Iterator[Group]:
    if skipped:
        cells = [(code(item.router), code(item.attachment), prose(item.reason)) for item in skipped]
        yield _table_group(3, words.skipped_title(len(skipped)), ("router", "attachment", "why"), cells, more)


def _difference(difference: Difference) -> str:
    return ": ".join(filter(None, [prose(difference.what), _ARROW.join(map(_value, difference.values))]))


def _value(text: str) -> str:
    return code(text, words.VALUE_LENGTH)


_TABLES: Mapping[Kind, tuple[int, str]] = {
    Kind.DELETE: (0, "logged to"),
    Kind.MOVE: (1, "from → to"),
    Kind.REPLACE: (2, "because of"),
    Kind.CHANGE: (4, "what changes"),
    Kind.IMPORT: (5, "logs to, and what changes"),
    Kind.CREATE: (6, "logs to"),
}
"""Of the table of each kind of change, the urgency of its rows (see `Group`), and the title of its last column."""


def _table(kind: Kind, rows: Sequence[Row], more: Callable[[int], str]) -> Group:
    urgency, heading = _TABLES[kind]
    is_marked = kind in (Kind.DELETE, Kind.REPLACE) or any(row.is_disabled for row in rows)
    return _table_group(
        urgency,
        f"{_mark(is_marked)}{words.title(kind, rows)}",
        ("router", "attachment", "flow log", heading),
        [_cells(kind, row) for row in rows],
        more,
        is_loud=words.is_loud(kind, rows),
    )


def _cells(kind: Kind, row: Row) -> Sequence[str]:
    stream = [words.stream(row, _value, _ARROW)] if kind in words.SHOW_STREAM else []
    details = _lines_of([*stream, *map(_difference, row.differences)])
    return code(row.router), code(row.attachment), f"{code(row.flow_log)}{_note(row)}", details


def _mark(is_marked: bool) -> str:
    return "⚠️ " if is_marked else ""


def _note(row: Row | LogStoreRow) -> str:
    return f" ({prose(row.note)})" if row.note else ""


def _lines_of(texts: Iterable[str]) -> str:
    return "<br>".join(texts) or NOTHING
