"""The query of a log stream, as a request has it (LTS API reference: querying logs).

The reference's examples have numbers and booleans as strings, too. Its `labels` are of collected logs: the lines of
flow logs have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emulator import rules
from emulator.errors import invalid

MILLISECOND = 1_000_000  # nanoseconds
DAY = 24 * 60 * 60 * 1_000  # milliseconds
FIELDS = (
    *("start_time", "end_time", "keywords", "line_num", "is_desc", "search_type", "limit"),
    *("highlight", "is_count", "is_iterative"),
)


@dataclass(frozen=True)
class LogQuery:
    """Which lines are requested, and in which form.

    Attributes:
        span: The first and the last number that any line may have.
        page: The same for the lines of the page.
        keyword: A word that each line has; "" for all lines.
        limit: Of lines in the answer.
        descending: Whether the answer has the newest line first.
        from_newest: Whether the lines are taken from the end of the page.
        highlight: Whether the keyword is marked.
        counts: Whether all lines of the span are counted.
    """

    span: tuple[int, int]
    page: tuple[int, int]
    keyword: str
    limit: int
    descending: bool
    from_newest: bool
    highlight: bool
    counts: bool

    @classmethod
    def parse(cls, body: object, *, strict: bool) -> LogQuery:
        fields = rules.require_object(body, "the body", FIELDS, strict=strict)
        begin, end = _integer(fields, "start_time"), _integer(fields, "end_time")
        if not 0 <= end - begin <= rules.MAX_QUERY_DAYS * DAY:
            raise invalid(f"end_time must not be before start_time, nor {rules.MAX_QUERY_DAYS} days after it.")
        _boolean(fields, "is_iterative", default=False)
        search_type = rules.check_literal("search_type", str(fields.get("search_type", "init")), *rules.SEARCH_TYPES)
        descending = _boolean(fields, "is_desc", default=False)
        # Pages go on in the order of the answer, or back against it.
        from_newest = descending != (search_type == "backwards")
        span = page = (begin * MILLISECOND, (end + 1) * MILLISECOND - 1)
        if (search_type == "init") == ("line_num" in fields):
            raise invalid("line_num must be used together with search_type forwards or backwards.")
        if "line_num" in fields:
            number = _integer(fields, "line_num")
            page = (span[0], number - 1) if from_newest else (number + 1, span[1])
        return cls(
            span=span,
            page=page,
            keyword=rules.require_text(fields, "keywords") if "keywords" in fields else "",
            limit=rules.check_number("limit", _integer(fields, "limit", rules.DEFAULT_LINES), 1, rules.MAX_LINES),
            descending=descending,
            from_newest=from_newest,
            highlight=_boolean(fields, "highlight", default=True),
            counts=_boolean(fields, "is_count", default=False),
        )


def _integer(fields: Mapping[str, object], key: str, default: int | None = None) -> int:
    value = fields.get(key, default)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    return rules.check_number(key, value, 0, 10**19 - 1)


def _boolean(fields: Mapping[str, object], key: str, *, default: bool) -> bool:
    value = fields.get(key, default)
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value)
    if not isinstance(value, bool):
        raise invalid(f"{key} must be true or false.")
    return value
