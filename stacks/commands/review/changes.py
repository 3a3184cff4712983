"""From the steps of a preview to what a reviewer wants to know: which flow logs, by name, and what becomes of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from providers.er.sanitizing import display_name
from providers.schema import IDENTITY, UNKNOWN_STATE, is_unknown
from providers.urn import FLOW_LOG_TYPE, RANDOM_UUID_TYPE, Urn
from stacks.checks.deletions import loss, move_sentence
from stacks.commands.review.model import Difference, Kind, Row, StackReview
from stacks.commands.review.names import Names
from stacks.commands.review.preview import Preview, State, Step, UnreadableError, read
from stacks.planning.naming import COMPONENT_TYPE

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
    UNKNOWN_STATE: Difference("nobody knows whether it was ever created", "", ""),
}
"""Why a flow log in such a state is replaced."""

ATTACHMENT = ("er_id", "resource_id")
"""The properties that say which attachment a flow log is of: with others it is that of another one."""

ANOTHER_ATTACHMENT = "its flow log becomes that of another attachment"

_STREAM = "\0"  # stands for a name, and is in none
STREAM_NAME = re.compile(r"[^\s,/]+/[^\s,/]+")
"""`GROUP/STREAM`, and not a list of several."""

NO_RECORD = (COMPONENT_TYPE, RANDOM_UUID_TYPE)
"""Types of the stack's other resources. Pulumi's own begin with `pulumi:`."""

EMPTY = '""'
SECRET = "[secret]"
_WRAPPER = "4dabf18193072939515e22adb298388d"  # Pulumi's mark of what is not plain JSON, such as secrets


def review(stack: str, text: str) -> StackReview:
    """What the preview of the stack says.

    Args:
        stack: The stack's name.
        text: What `pulumi preview --json` has printed.
    """
    try:
        return _review(stack, read(text))
    except UnreadableError as error:
        return StackReview(stack=stack, is_failed=True, failure=str(error), errors=error.errors)


def _review(stack: str, preview: Preview) -> StackReview:
    names = Names(preview)
    # As the state had them before the preview refreshed it.
    before = {step.urn: step.old for step in preview.steps if step.op == "refresh" and step.old}
    rows: dict[Kind, list[Row]] = {kind: [] for kind in Kind}
    steps = list(_by_kind(preview.steps))
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
    rows[Kind.MOVE] += [_move(*pair, names) for pair in {id(pair): pair for pair in moves.values()}.values()]
    if not preview.outputs_after:
        rows[Kind.DELETE] = [_explained(row, preview.warnings) for row in rows[Kind.DELETE]]
        rows[Kind.MOVE] = [_named(row, preview.warnings) for row in rows[Kind.MOVE]]
    told = {sentence for kind in (Kind.DELETE, Kind.MOVE) for row in rows[kind] for sentence in _said_of(kind, row)}
    return StackReview(
        stack=stack,
        warnings=[one for one in preview.warnings if one not in told],
        rows={kind: sorted(several, key=lambda row: row.sort_key) for kind, several in rows.items()},
        unchanged=names.unchanged(step.name for _, step in steps if step.type == FLOW_LOG_TYPE),
    )


def _explained(row: Row, warnings: Iterable[str]) -> Row:
    """With the reason that a warning gives."""
    if row.note or not row.router:
        return row
    begin = _loss(row)
    return replace(row, note=next((one.removeprefix(begin) for one in warnings if one.startswith(begin)), ""))


def _named(row: Row, warnings: Iterable[str]) -> Row:
    """With the name of the log stream that a warning says it moves to."""
    for difference in row.differences:
        begin, end = _move_sentence(row, difference.old, _STREAM).split(_STREAM)
        for one in warnings:
            name = one[len(begin) : -len(end)]
            if one == begin + name + end and STREAM_NAME.fullmatch(name):
                return replace(row, logs_to=name, differences=(replace(difference, new=name),))
    return row


def _said_of(kind: Kind, row: Row) -> Iterator[str]:
    """What a warning says of a flow log that goes, if that is all in its row."""
    if kind is Kind.DELETE:
        yield _loss(row) + row.note
    for difference in row.differences if kind is Kind.MOVE else ():
        yield _move_sentence(row, difference.old, difference.new)


def _move_sentence(row: Row, old: str, new: str) -> str:
    reason = f"moves from {old} to {new}"
    return move_sentence(display_name(row.router), display_name(row.attachment), reason, is_silenced=row.is_silenced)


def _loss(row: Row) -> str:
    return loss(display_name(row.router), display_name(row.attachment), row.logs_to)


_Pair = tuple[Step, Step]


def _moves(steps: Iterable[tuple[Kind, Step]]) -> dict[Urn, _Pair]:
    """The steps that together move a flow log, by their URNs: one that is deleted, and one that is made before that
    for the same attachment. It may be one resource that is replaced."""
    found: dict[Urn, _Pair] = {}
    made: dict[tuple[Any, Any], list[Step]] = {}
    for kind, step in steps:
        if step.type != FLOW_LOG_TYPE:
            continue
        replacing = {key for key in IDENTITY if step.changed.get(key)}
        if kind is Kind.REPLACE and replacing and replacing.isdisjoint(ATTACHMENT):
            found[step.urn] = (step, step)
        elif kind in (Kind.CREATE, Kind.IMPORT):
            made.setdefault(_attachment(step), []).append(step)
    for kind, step in steps:
        if step.type == FLOW_LOG_TYPE and kind is Kind.DELETE and (others := made.get(_attachment(step))):
            successor = others.pop(0)
            found[step.urn] = found[successor.urn] = (step, successor)
    return found


def _attachment(step: Step) -> tuple[Any, ...]:
    state = _known(step)
    return tuple(state.value(key) for key in ATTACHMENT)


def _move(old: Step, new: Step, names: Names) -> Row:
    before, after = old.old or _known(old), new.new or _known(new)
    is_silenced = after.inputs.get("enabled") is False
    return Row(
        router=names.router(after),
        attachment=names.attachment(after),
        flow_log=shown(after.value("name")),
        logs_to=names.logs_to(after),
        differences=(Difference("logs to", names.logs_to(before), names.logs_to(after)),),
        note="disabled" if is_silenced else "",
        is_silenced=is_silenced,
    )


def _by_kind(steps: list[Step]) -> Iterator[tuple[Kind, Step]]:
    """The steps that count, one for each resource and kind; what is changed once it is imported counts as imported."""
    found: dict[tuple[Urn, Kind], Step] = {}
    for step in steps:
        if step.op not in KINDS or step.type in NO_RECORD or step.type.startswith("pulumi:"):
            continue
        place = (step.urn, KINDS[step.op])
        # A replacement is several steps; only one says what was and what is to be.
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
        raise UnreadableError("it tells nothing of a resource that it changes")
    return state


def _row(kind: Kind, step: Step, names: Names, before: State | None) -> Row:
    state = (step.old if kind is Kind.DELETE else step.new) or _known(step)
    differences = tuple(_differences(step, names)) if kind is not Kind.CREATE else ()
    return Row(
        is_silenced=kind is not Kind.DELETE
        and state.inputs.get("enabled") is False
        and (kind is Kind.CREATE or "enabled" in step.changed),
        router=names.router(state),
        attachment=names.attachment(state),
        flow_log=shown(state.value("name")),
        logs_to=names.logs_to(state),
        differences=differences,
        note=_note(kind, step, names, before),
    )


def _note(kind: Kind, step: Step, names: Names, before: State | None) -> str:
    if kind is Kind.DELETE and step.old:
        return ANOTHER_ATTACHMENT if step.new else names.reason(step.name, step.old)
    if kind is Kind.CREATE:
        by_hand = "was deleted by hand" if before else ""
        is_disabled = step.new is not None and step.new.inputs.get("enabled") is False
        return ", ".join(filter(None, [by_hand, "disabled" if is_disabled else ""]))
    if kind is Kind.CHANGE and before and step.old and _differ(before, step.old, step.changed):
        return "was changed by hand"
    return ""


def _differ(before: State, now: State, keys: Iterable[str]) -> bool:
    return any(before.value(key) != now.value(key) for key in keys)


def _differences(step: Step, names: Names) -> Iterator[Difference]:
    """The properties that change, those first that force a replacement."""
    if not step.old or not step.new:
        return
    told = set()
    for key in sorted(step.changed, key=lambda key: (not step.changed[key], key)):
        difference = _difference(key, step.old, step.new, names)
        if difference not in told:
            told.add(difference)
            yield difference


def _difference(key: str, old: State, new: State, names: Names) -> Difference:
    if key == "state":
        return _REASONS.get(old.value("state")) or Difference("its state", shown(old.value("state")), "")
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
    # Of one that was in a passing state the provider looked how it is, which the preview does not tell.
    return Difference(key, "" if before == after else shown(before) or EMPTY, shown(after) or EMPTY)


def shown(value: Any) -> str:
    """A property's value, never a secret one."""
    if isinstance(value, dict) or value == SECRET:
        return SECRET if value == SECRET or _WRAPPER in value else "…"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, list):
        return "…" if value else ""
    return "(not known yet)" if is_unknown(value) else str(value)
