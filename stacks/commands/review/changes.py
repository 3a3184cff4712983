"""From the steps of a preview to a review: which flow logs change, by name, and how."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from providers.schema import IDENTITY, UNKNOWN_STATE
from providers.urn import FLOW_LOG_TYPE, RANDOM_UUID_TYPE, Urn
from stacks.checks.deletions import former_stream
from stacks.commands.review.log_stores import LOG_STORE_TYPES, is_repeated, log_store_row
from stacks.commands.review.model import Difference, Kind, Row, StackReview
from stacks.commands.review.names import Names
from stacks.commands.review.preview import Preview, State, Step, UnreadableError, read_preview
from stacks.commands.review.values import EMPTY, show_value
from stacks.planning.naming import COMPONENT_TYPE, LOG_GROUPS_COMPONENT_TYPE

KINDS = {
    "delete": Kind.DELETE,
    "delete-replaced": Kind.REPLACE,
    "replace": Kind.REPLACE,
    "create-replacement": Kind.REPLACE,
    "import-replacement": Kind.REPLACE,
    "update": Kind.CHANGE,
    "import": Kind.IMPORT,
    "create": Kind.CREATE,
}
"""By operation; the others change nothing."""

_REASONS = {
    "failed": Difference("it has failed", "", ""),
    UNKNOWN_STATE: Difference("it is unknown whether it was created", "", ""),
}
"""Why a flow log in such a state is replaced."""

ATTACHMENT = ("er_id", "resource_id")
"""The properties that identify the attachment: with other values the flow log belongs to another one."""

ANOTHER_ATTACHMENT = "its flow log is now declared for another attachment"

NO_RECORD = (COMPONENT_TYPE, LOG_GROUPS_COMPONENT_TYPE, RANDOM_UUID_TYPE)
"""Types of the stack's other resources. Pulumi's own begin with `pulumi:`."""


def review_stack(stack: str, text: str) -> StackReview:
    """The review of a stack.

    Args:
        stack: The stack's name.
        text: The output of `pulumi preview --json`.
    """
    try:
        return _review(stack, read_preview(text))
    except UnreadableError as error:
        return StackReview(stack=stack, is_failed=True, failure=str(error), errors=error.errors)


def _review(stack: str, preview: Preview) -> StackReview:
    names = Names(preview)
    steps = list(_by_kind(preview.steps))
    # As the state had them before the preview refreshed it.
    before = {step.urn: step.old for step in preview.steps if step.op == "refresh" and step.old}
    log_stores = [
        log_store_row(kind, step, _note(kind, step, names, before.get(step.urn)))
        for kind, step in steps
        if step.type in LOG_STORE_TYPES
    ]
    rows = _rows([(kind, step) for kind, step in steps if step.type not in LOG_STORE_TYPES], names, before)
    return StackReview(
        stack=stack,
        warnings=[warning for warning in preview.warnings if not any(is_repeated(warning, row) for row in log_stores)],
        rows={kind: sorted(several, key=lambda row: row.sort_key) for kind, several in rows.items()},
        log_stores=sorted(log_stores, key=lambda row: row.sort_key),
        unchanged=_count_unchanged(preview.steps),
    )


def _count_unchanged(steps: Iterable[Step]) -> int:
    """How many flow logs stay as they are. One that is imported and then the same is imported."""
    steps = [step for step in steps if step.type == FLOW_LOG_TYPE]
    return len({step.urn for step in steps if step.op == "same"} - {step.urn for step in steps if step.op in KINDS})


def _rows(steps: Sequence[tuple[Kind, Step]], names: Names, before: Mapping[Urn, State]) -> dict[Kind, list[Row]]:
    rows: dict[Kind, list[Row]] = {kind: [] for kind in Kind}
    moves = _moves(steps)
    for kind, step in steps:
        if step.type != FLOW_LOG_TYPE:
            if kind in (Kind.DELETE, Kind.REPLACE):
                note = f"of type {step.type}"
                rows[kind].append(Row(router="", attachment="", flow_log=step.name, logs_to="", note=note))
        elif step.urn in moves:
            continue
        elif kind is Kind.REPLACE and any(step.changed.get(key) for key in ATTACHMENT):
            rows[Kind.DELETE].append(_row(Kind.DELETE, step, names, None))
            rows[Kind.CREATE].append(_row(Kind.CREATE, step, names, None))
        else:
            rows[kind].append(_row(kind, step, names, before.get(step.urn)))
    pairs = {id(pair): pair for pair in moves.values()}
    rows[Kind.MOVE] = [_move(old, new, names) for old, new in pairs.values()]
    return rows


_Pair = tuple[Step, Step]


def _moves(steps: Iterable[tuple[Kind, Step]]) -> dict[Urn, _Pair]:
    """The steps that together move a flow log, by their URNs: a delete, and a create for the same attachment before it.

    Both may be steps of one resource that is replaced.
    """
    found: dict[Urn, _Pair] = {}
    created: dict[tuple[Any, ...], list[Step]] = {}
    for kind, step in steps:
        if step.type != FLOW_LOG_TYPE:
            continue
        replacing = {key for key in IDENTITY if step.changed.get(key)}
        if kind is Kind.REPLACE and replacing and replacing.isdisjoint(ATTACHMENT):
            found[step.urn] = (step, step)
        elif kind in (Kind.CREATE, Kind.IMPORT):
            created.setdefault(_attachment(step), []).append(step)
    for kind, step in steps:
        if step.type == FLOW_LOG_TYPE and kind is Kind.DELETE and (successors := created.get(_attachment(step))):
            successor = successors.pop(0)
            found[step.urn] = found[successor.urn] = (step, successor)
    return found


def _attachment(step: Step) -> tuple[Any, ...]:
    state = _known(step)
    return tuple(state.value(key) for key in ATTACHMENT)


def _move(old: Step, new: Step, names: Names) -> Row:
    before, after = old.old or _known(old), new.new or _known(new)
    moves_to = names.logs_to(after)
    is_disabled = after.inputs.get("enabled") is False
    return replace(
        _make_row(after, names),
        differences=(Difference("logs to", former_stream(names.logs_to(before), moves_to), moves_to),),
        note="disabled" if is_disabled else "",
        is_disabled=is_disabled,
    )


def _by_kind(steps: list[Step]) -> Iterator[tuple[Kind, Step]]:
    """The steps that a review shows, one for each resource and kind. A change after an import is part of the import."""
    found: dict[tuple[Urn, Kind], Step] = {}
    for step in steps:
        if step.op not in KINDS or step.type in NO_RECORD or step.type.startswith("pulumi:"):
            continue
        place = (step.urn, KINDS[step.op])
        # A replacement is several steps; only one has both the old and the new state.
        if place not in found or (step.old and step.new):
            found[place] = step
    for (urn, kind), step in found.items():
        if kind is Kind.IMPORT:
            yield kind, found.get((urn, Kind.CHANGE), step)
        elif kind is not Kind.CHANGE or (urn, Kind.IMPORT) not in found:
            yield kind, step


def _known(step: Step) -> State:
    state = step.old or step.new
    if state is None:
        raise UnreadableError("it lacks the state of a resource that it changes")
    return state


def _row(kind: Kind, step: Step, names: Names, before: State | None) -> Row:
    state = (step.old if kind is Kind.DELETE else step.new) or _known(step)
    is_new = kind is Kind.CREATE or "enabled" in step.changed
    return replace(
        _make_row(state, names),
        differences=tuple(_differences(step, names)) if kind is not Kind.CREATE else (),
        note=_note(kind, step, names, before),
        is_disabled=kind is not Kind.DELETE and is_new and state.inputs.get("enabled") is False,
    )


def _make_row(state: State, names: Names) -> Row:
    return Row(
        router=names.router(state),
        attachment=names.attachment(state),
        flow_log=show_value(state.value("name")),
        logs_to=names.logs_to(state),
    )


def _note(kind: Kind, step: Step, names: Names, before: State | None) -> str:
    if kind is Kind.DELETE and step.old:
        return ANOTHER_ATTACHMENT if step.new else names.reason(step.old)
    if kind is Kind.CREATE:
        by_hand = "was deleted by hand" if before else ""
        is_disabled = step.new is not None and step.new.inputs.get("enabled") is False
        return ", ".join(filter(None, [by_hand, "disabled" if is_disabled else ""]))
    if kind is Kind.CHANGE and before and (now := step.old):
        return "was changed by hand" if any(before.value(key) != now.value(key) for key in step.changed) else ""
    return ""


def _differences(step: Step, names: Names) -> Iterator[Difference]:
    if step.old and step.new:
        # Each once: a log group and its stream are shown as one.
        yield from dict.fromkeys(_difference(key, step.old, step.new, names) for key in step.changed)


def _difference(key: str, old: State, new: State, names: Names) -> Difference:
    if key == "state":
        return _REASONS.get(old.value("state")) or Difference("its state", show_value(old.value("state")), "")
    readers = {
        "er_id": ("router", names.router),
        "resource_id": ("attachment", names.attachment),
        "log_group_id": ("logs to", names.logs_to),
        "log_stream_id": ("logs to", names.logs_to),
    }
    if key in readers:
        what, reader = readers[key]
        return Difference(what, reader(old), reader(new))
    before, after = old.value(key), new.inputs.get(key)
    # If both are equal, the provider compared with what the service has, which the preview does not show.
    return Difference(key, "" if before == after else show_value(before) or EMPTY, show_value(after) or EMPTY)
