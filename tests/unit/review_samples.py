"""Previews for the tests of the review: recorded ones, ones built step by step, and texts that mean mischief."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from providers.preview_notes import PreviewNotes, SkippedAttachment
from providers.urn import FLOW_LOG_TYPE, LOG_STREAM_TYPE
from stacks.commands.review.model import Difference, Kind, LogStoreRow, Row, StackReview

PREVIEWS = Path(__file__).parent / "previews"
HOSTILE = [
    *("a|b", "`code`", "``` fence", "<!-- otc-flow-logs review -->", "--> <b>", "@team and @all"),
    *("<img src=x onerror=alert(1)>", "#12 !34 ~label $5 %7 &8 ^9", "**bold** __bold__ ~~gone~~"),
    *("[here](https://evil.example)", "https://evil.example www.evil.example", "javascript:alert(1)"),
    *("two\nlines\r\n| --- |", "\x00\x07\x1b[31mred\u2028", "\u202egnp.exe", "\ud800", "\\", "&lt;b&gt; &#60;"),
    *("<script>alert(1)</script>", "</script></style></title><img src=x onerror=alert(1)>", "`${alert(1)}`"),
    *('"><svg onload=alert(1)>', "' onmouseover='alert(1)", "{{ 7 * 7 }}{% raw %}"),
    *("\u200f\u2066", "אבג", "\u202e", "x" * 3000, ""),
]
"""Names that an attacker would choose, against Markdown, terminals and HTML."""


def read_recorded(file: str) -> str:
    return (PREVIEWS / file).read_text(encoding="utf-8")


def flow_log(number: int, **changes: Any) -> dict[str, Any]:
    """The state of a flow log in a preview."""
    place = {"er_id": "er-1", "resource_id": f"att-{number:05}", "log_group_id": "group-1", "log_stream_id": "stream-1"}
    inputs = {**place, "name": f"flow-log-{number:05}", "description": "", "enabled": True, **changes}
    return {"parent": "urn:pulumi:s::p::otc-flow-logs:index:RouterFlowLogs::core", "inputs": inputs}


def step(
    op: str,
    number: int = 0,
    *,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
    type_: str = FLOW_LOG_TYPE,
    kinds: dict[str, str] | None = None,
    **rest: Any,
) -> dict[str, Any]:
    """A step of a preview; `kinds` are the kinds of difference, by property."""
    states = {"old": old, "new": new}
    return {
        "op": op,
        "urn": f"urn:pulumi:s::p::otc-flow-logs:index:RouterFlowLogs${type_}::core-{number:05}",
        **{key: state for key, state in states.items() if state is not None},
        **({"detailedDiff": {key: {"diffKind": kind} for key, kind in kinds.items()}} if kinds else {}),
        **rest,
    }


def log_stream_step(op: str, number: int, *, kinds: dict[str, str] | None = None, **states: Any) -> dict[str, Any]:
    """A step of a log stream; `old` and `new` are its inputs."""
    inputs = {key: {"inputs": state} for key, state in states.items()}
    return step(op, number, type_=LOG_STREAM_TYPE, kinds=kinds, **inputs)


def stack_step(**states: Any) -> dict[str, Any]:
    """The step of the stack itself, with its outputs."""
    return {"op": "same", "urn": "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s", **states}


def move(number: int, **changes: Any) -> list[dict[str, Any]]:
    """The steps of a move to another stream: a create and a delete of two resources."""
    new = flow_log(number, log_stream_id="stream-2", **changes)
    return [step("create", number, new=new), step("delete", number + 50_000, old=flow_log(number))]


def steps_of_every_kind(number: int) -> list[dict[str, Any]]:
    """One step of each kind, but two of a move."""
    first = number * 10
    old, new = [flow_log(first + n) for n in range(6)], [flow_log(first + n) for n in range(6)]
    renamed, failed = flow_log(first + 3, name="new"), flow_log(first + 2, state="failed")
    return [
        step("delete", first, old=old[0]),
        *move(first + 1),
        step("replace", first + 2, old=failed, new=new[2], kinds={"state": "update-replace"}),
        step("update", first + 3, old=old[3], new=renamed, kinds={"name": "update"}),
        step("import", first + 4, new=new[4]),
        step("create", first + 5, new=new[5]),
    ]


def events(
    *steps: dict[str, Any], warnings: Sequence[str] = (), errors: Sequence[str] = (), notes: PreviewNotes | None = None
) -> str:
    """A preview."""
    diagnostics = [
        *({"message": f"warning: {text}\n", "severity": "warning"} for text in warnings),
        *({"message": text, "severity": "error"} for text in errors),
        *([{"message": notes.message, "severity": "info", "ephemeral": True}] if notes else []),
    ]
    happened: list[dict[str, Any]] = [
        *({"diagnosticEvent": diagnostic} for diagnostic in diagnostics),
        *({"resourcePreEvent": {"metadata": step}} for step in steps),
        {"summaryEvent": {"result": "failed" if errors else "succeeded"}},
    ]
    return "\n".join(json.dumps({"sequence": number, **event}) for number, event in enumerate(happened))


def reviews(texts: list[str], *, stacks: st.SearchStrategy[str], longest: int) -> st.SearchStrategy[list[StackReview]]:
    """Lists of reviews with these texts everywhere."""
    text = st.sampled_from(texts)
    difference = st.builds(Difference, what=text, old=text, new=text, found=text)
    row = st.builds(
        Row,
        **dict.fromkeys(("router", "attachment", "flow_log", "logs_to", "moves_from", "note"), text),
        is_disabled=st.booleans(),
        differences=st.lists(difference, max_size=4).map(tuple),
    )
    log_store = st.builds(
        LogStoreRow,
        name=text,
        kind=st.sampled_from([kind for kind in Kind if kind is not Kind.MOVE]),
        stays=st.booleans(),
        differences=st.lists(difference, max_size=4).map(tuple),
        note=text,
    )
    review = st.builds(
        StackReview,
        stack=stacks,
        is_failed=st.booleans(),
        failure=text,
        errors=st.lists(text, max_size=longest),
        warnings=st.lists(text, max_size=longest),
        rows=st.dictionaries(st.sampled_from(Kind), st.lists(row, min_size=1, max_size=longest)),
        log_stores=st.lists(log_store, max_size=longest),
        skipped=st.lists(st.builds(SkippedAttachment, router=text, attachment=text, reason=text), max_size=longest),
        unchanged=st.integers(0, 10**6),
    )
    return st.lists(review, min_size=1, max_size=6)
