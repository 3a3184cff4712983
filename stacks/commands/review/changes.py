"""From the steps of a preview to a review: which flow logs change, by name, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from providers.schema import IDENTITY, UNKNOWN_STATE
from providers.urn import COMPONENT_TYPE, FLOW_LOG_TYPE, LOG_GROUPS_COMPONENT_TYPE, RANDOM_UUID_TYPE, Urn
from stacks.checks.deletions import former_stream
from stacks.commands.review.log_stores import LOG_STORE_TYPES, log_store_row
from stacks.commands.review.model import Difference, Kind, Row, StackReview
from stacks.commands.review.names import Names
from stacks.commands.review.preview import Preview, State, Step, UnreadableError, read_preview
from stacks.commands.review.values import EMPTY, difference_of, differs, settings_that_differ, show_value
from stacks.commands.review.words import SHOW_STREAM
from stacks.planning.lookup import join_names

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
        log_store_row(
            kind,
            step,
            before.get(step.urn),
            name=names.log_store(step),
            note=_by_hand(kind, step, before.get(step.urn)),
        )
        for kind, step in steps
        if step.type in LOG_STORE_TYPES
    ]
    others = [(kind, step) for kind, step in steps if step.type not in LOG_STORE_TYPES]
    return StackReview(
        stack=stack,
        is_destroyed=names.is_destroy,
        warnings=preview.warnings,
        rows=_all_rows(others, preview, names, before),
        log_stores=sorted(log_stores, key=lambda row: row.sort_key),
        skipped=sorted(names.skipped, key=lambda item: (item.router, item.attachment)),
        unchanged=_count_unchanged(preview.steps),
    )


def _all_rows(
    steps: Sequence[tuple[Kind, Step]], preview: Preview, names: Names, before: Mapping[Urn, State]
) -> dict[Kind, list[Row]]:
    """The rows of all resources but log groups and streams, in order."""
    moves = _moves([(kind, step) for kind, step in steps if step.type == FLOW_LOG_TYPE], _deleted_first(preview), names)
    rows: dict[Kind, list[Row]] = {kind: [] for kind in Kind}
    # By attachment. If more flow logs of an attachment are deleted than created, some are no part of a move.
    pairs = {id(pair): pair for pair in moves.values()}.values()
    moved_to: dict[tuple[str, ...], list[str]] = {}
    for _, new in pairs:
        moved_to.setdefault(_attachment(new), []).append(names.logs_to(new.new or _known(new)))
    by_urn = {step.urn: step for step in preview.steps if step.type == FLOW_LOG_TYPE}
    numbers = Counter(map(_attachment, by_urn.values()))
    for kind, step in steps:
        if step.urn not in moves:
            for shown_as, row in _rows(kind, step, names, before.get(step.urn)):
                if kind is Kind.DELETE and (streams := moved_to.get(_attachment(step))):
                    row = replace(row, note=f"its attachment will be logged to {join_names(streams)}")
                if shown_as not in SHOW_STREAM and numbers[_attachment(step)] > 1:
                    row = replace(row, note=", ".join(filter(None, [row.note, f"logs to {row.logs_to}"])))
                rows[shown_as].append(row)
    rows[Kind.MOVE] = [_move(*pair, names) for pair in pairs]
    # What is no longer declared and was also deleted by hand has no step.
    for urn in preview.gone.keys() - {step.urn for _, step in steps}:
        if urn.type_token == FLOW_LOG_TYPE:
            rows[Kind.DELETE].append(_gone(preview.gone[urn], names))
    return {kind: sorted(several, key=lambda row: row.sort_key) for kind, several in rows.items()}


def _count_unchanged(steps: Iterable[Step]) -> int:
    """How many flow logs stay as they are. One that is imported and then the same is imported."""
    steps = [step for step in steps if step.type == FLOW_LOG_TYPE]
    return len({step.urn for step in steps if step.op == "same"} - {step.urn for step in steps if step.op in KINDS})


def _rows(kind: Kind, step: Step, names: Names, before: State | None) -> Iterator[tuple[Kind, Row]]:
    """The rows of a step that is no part of a move."""
    if step.type != FLOW_LOG_TYPE:
        if kind in (Kind.DELETE, Kind.REPLACE):
            yield kind, Row(router="", attachment="", flow_log=step.name, logs_to="", note=f"of type {step.type}")
    elif kind is Kind.REPLACE and any(step.changed.get(key) for key in ATTACHMENT):
        yield Kind.DELETE, _row(Kind.DELETE, step, names, None)
        yield Kind.CREATE, _row(Kind.CREATE, step, names, None)
    else:
        yield kind, _row(kind, step, names, before)


_Pair = tuple[Step, Step]


def _moves(steps: Iterable[tuple[Kind, Step]], deleted_first: Container[Urn], names: Names) -> dict[Urn, _Pair]:
    """The steps that together move a flow log, by their URNs: a delete, and a create for the same attachment before it.

    Both may be steps of one resource that is replaced.
    """
    found: dict[Urn, _Pair] = {}
    created: dict[tuple[str, ...], list[Step]] = {}
    deleted = []
    for kind, step in sorted(steps, key=lambda item: (names.logs_to(_known(item[1])), item[1].name)):
        replacing = {key for key in IDENTITY if step.changed.get(key)}
        if kind is Kind.REPLACE and replacing and replacing.isdisjoint(ATTACHMENT) and step.urn not in deleted_first:
            found[step.urn] = (step, step)
        elif kind in (Kind.CREATE, Kind.IMPORT):
            created.setdefault(_attachment(step), []).append(step)
        elif kind is Kind.DELETE:
            deleted.append(step)
    # If several flow logs of an attachment move, each to the one of its name first; otherwise any order will do.
    for may_differ in (False, True):
        for old in deleted:
            successors = created.get(_attachment(old), [])
            new = next((new for new in successors if may_differ or not differs(_known(old), _known(new), "name")), None)
            if new and old.urn not in found:
                successors.remove(new)
                found[old.urn] = found[new.urn] = (old, new)
    return found


def _deleted_first(preview: Preview) -> set[Urn]:
    """The resources that are deleted before their replacement is created, as a program can ask for."""
    first: dict[Urn, str] = {}
    for step in preview.steps:
        if step.op in ("create-replacement", "delete-replaced"):
            first.setdefault(step.urn, step.op)
    return {urn for urn, op in first.items() if op == "delete-replaced"}


def _attachment(step: Step) -> tuple[str, ...]:
    state = _known(step)
    return tuple(str(state.value(key)) for key in ATTACHMENT)  # of other resources, they may be anything


def _move(old: Step, new: Step, names: Names) -> Row:
    before, after = old.old or _known(old), new.new or _known(new)
    row = _make_row(after, names)
    return replace(
        row,
        moves_from=former_stream(names.logs_to(before), row.logs_to),
        differences=tuple(_differences(before, after, settings_that_differ(before, after), names)),
        is_disabled=after.inputs.get("enabled") is False,
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
    is_disabled = kind is not Kind.DELETE and is_new and state.inputs.get("enabled") is False
    row = replace(_make_row(state, names), is_disabled=is_disabled)
    if kind is Kind.DELETE and step.old:
        return replace(row, note=ANOTHER_ATTACHMENT if step.new else names.reason(step.old))
    notes = [_by_hand(kind, step, before), "disabled" if kind is Kind.CREATE and is_disabled else ""]
    old = before if kind is Kind.CREATE else step.old
    changed = settings_that_differ(old, state) if kind is Kind.CREATE and old else step.changed
    differences = _differences(old, state, changed, names, before) if old else ()
    return replace(row, note=", ".join(filter(None, notes)), differences=tuple(differences))


def _gone(state: State, names: Names) -> Row:
    return replace(_make_row(state, names), note="; ".join(filter(None, ["no longer exists", names.reason(state)])))


def _make_row(state: State, names: Names) -> Row:
    return Row(
        router=names.router(state),
        attachment=names.attachment(state),
        flow_log=show_value(state.value("name")),
        logs_to=names.logs_to(state),
    )


def _by_hand(kind: Kind, step: Step, before: State | None) -> str:
    """What somebody did to it since the last run, if anything."""
    if not before:
        return ""
    if kind is Kind.CREATE:
        return "was deleted by hand"
    is_changed = kind is Kind.CHANGE and step.old and any(differs(before, step.old, key) for key in step.changed)
    return "was changed by hand" if is_changed else ""


def _differences(
    old: State, new: State, changed: Iterable[str], names: Names, before: State | None = None
) -> Iterator[Difference]:
    # Each once: a log group and its stream are shown as one.
    yield from dict.fromkeys(_difference(key, old, new, names, before or old) for key in changed)


def _difference(key: str, old: State, new: State, names: Names, before: State) -> Difference:
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
    shown = [show_value(value) or EMPTY for value in (before.value(key), old.value(key), new.inputs.get(key))]
    if old.value(key) == new.inputs.get(key):
        # The provider compared with what the service has, which the preview does not show.
        return Difference(key, "", shown[-1])
    return difference_of(key, *shown)
