"""Reads the output of `pulumi preview --json`: events, one a line.

The CLI prints events if PULUMI_ENABLE_STREAMING_JSON_PREVIEW is set. By default it prints one document, which lacks the
notes of the program, and so the names and reasons that a review needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.er.sanitizing import display_name
from providers.preview_notes import EVENT_START, EVENTS_VARIABLE, PreviewNotes, read_notes
from providers.urn import STACK_TYPE, Urn

OPERATIONS = {
    *("same", "create", "update", "delete", "refresh", "import", "read", "discard"),
    *("replace", "create-replacement", "delete-replaced", "import-replacement"),
    *("read-replacement", "discard-replaced", "remove-pending-replace"),
}
"""All operations of the engine on resources."""

INCOMPLETE = "its output is incomplete"
_NOT_JSON = "its output is not the JSON of `pulumi preview`"
_DOCUMENT = f"its output is one JSON document: set {EVENTS_VARIABLE}=true for `pulumi preview`, and run it again"
_UNKNOWN_FORM = "its output has an unknown format"
_TRACEBACK = "Traceback (most recent call last):"
_EXIT_CODE = "an unhandled error occurred: program exited with non-zero exit code"  # shown if there is no other error
_PROTECTED = re.compile(r'resource "([^"]+)" cannot be deleted\s+because it is protected')  # Pulumi's, in four lines
_PLUGIN_PATH = "using pulumi-resource-"  # where a plugin was found: never shown


class UnreadableError(ValueError):
    """The output is not that of a preview that succeeded; the text is one sentence.

    Attributes:
        errors: The errors of the preview.
    """

    def __init__(self, sentence: str, errors: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.errors = list(errors)


@dataclass(frozen=True)
class State:
    """The old or new state of a resource.

    Attributes:
        id: The resource's id; empty if it does not exist yet.
        name: The resource's logical name.
        parent: The resource that it is in.
        inputs: Its inputs.
        outputs: Its outputs; empty if it does not exist yet.
    """

    id: str
    name: str
    parent: Urn | None
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]

    def value(self, key: str) -> Any:
        """A property: the output, or the input if there is no output yet."""
        return self.outputs.get(key, self.inputs.get(key))


@dataclass(frozen=True)
class Step:
    """A step of the preview: an operation on one resource.

    Attributes:
        op: One of `OPERATIONS`.
        urn: The resource.
        old: Its old state.
        new: Its new state.
        changed: The properties that differ, and whether they force a replacement; those first that do.
    """

    op: str
    urn: Urn
    old: State | None
    new: State | None
    changed: Mapping[str, bool]

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return self.urn.name

    @property
    def type(self) -> str:
        """The resource's type token."""
        return self.urn.type_token


@dataclass
class Preview:
    """A preview, complete and successful once `finish` has returned.

    Attributes:
        steps: Its steps, also of resources that stay the same.
        gone: By URN, the old state of resources that the refresh no longer finds.
        outputs_before: The stack's outputs after its last run; empty if there was none.
        warnings: Its warnings, without those that say no more than the notes.
        notes: Names and reasons.
        errors: Its errors.
    """

    steps: list[Step] = field(default_factory=list)
    gone: dict[Urn, State] = field(default_factory=dict)
    outputs_before: Mapping[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    notes: PreviewNotes = field(default_factory=PreviewNotes)
    _messages: list[str] = field(default_factory=list)

    def add_diagnostic(self, diagnostic: Mapping[str, Any]) -> None:
        """Add an error, a warning or a message."""
        kinds = {"error": self.errors, "warning": self.warnings, "info": self._messages}
        if (severity := diagnostic.get("severity")) in kinds:
            kinds[severity].append(_text(diagnostic, "message"))

    def finish(self) -> None:
        """Read the diagnostics.

        Raises:
            UnreadableError: There are errors.
        """
        if self.errors:
            raise UnreadableError("", sentences(self.errors))
        self.notes = read_notes(self._messages)
        self.warnings = [warning for warning in sentences(self.warnings) if warning not in self.notes.warnings]


def read_preview(text: str) -> Preview:
    """The preview with this output.

    Raises:
        UnreadableError: It failed, or its output is incomplete or not events.
    """
    if not text.strip():
        raise UnreadableError("it printed nothing to standard output")
    preview, result = Preview(), ""
    for event in _events(text):
        preview.add_diagnostic(_mapping(event.get("diagnosticEvent")))
        for kind in {"resourcePreEvent", "resOutputsEvent"} & event.keys():
            step = _step(_mapping(_mapping(event[kind]).get("metadata")))
            if kind == "resourcePreEvent":
                preview.steps.append(step)
            elif step.op == "refresh" and step.old and not step.new:
                preview.gone[step.urn] = step.old
            if step.type == STACK_TYPE and step.old and step.old.outputs:
                preview.outputs_before = step.old.outputs
        if "summaryEvent" in event:
            result = str(_mapping(event["summaryEvent"]).get("result", "succeeded"))
    preview.finish()
    if result != "succeeded":
        raise UnreadableError("the engine gives no reason" if result else INCOMPLETE)
    return preview


def _changed(step: Mapping[str, Any]) -> dict[str, bool]:
    """The properties that differ, and whether they force a replacement. Not every host gives a detailed diff."""
    detailed = _mapping(step.get("detailedDiff"))
    return {
        **dict.fromkeys(map(str, step.get("diffs") or ()), False),
        **{key: str(_mapping(diff).get("diffKind")).endswith("-replace") for key, diff in detailed.items()},
        **dict.fromkeys(map(str, step.get("keys") or ()), True),
    }


def _events(text: str) -> Iterator[Mapping[str, Any]]:
    """The events, one a line.

    Raises:
        UnreadableError: A line is not an event; the error has what the CLI printed as errors.
    """
    for line in text.split("\n"):  # not splitlines(): a name may contain other line separators
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict) or "sequence" not in event:
            if line.startswith("{"):
                raise UnreadableError(INCOMPLETE if line.startswith(EVENT_START) else _DOCUMENT)
            errors = [line for line in text.splitlines() if line.startswith("error: ")]
            raise UnreadableError(_NOT_JSON, sentences(errors))
        yield event


def _step(step: Mapping[str, Any]) -> Step:
    op, text = _text(step, "op"), _text(step, "urn")
    urn = _urn(text)
    if op not in OPERATIONS or urn is None:
        raise UnreadableError(f"it has an unknown operation, {op!r} of {text!r}")
    before, after = (_state(urn.name, step.get(key)) for key in ("old", "new"))
    ordered = dict(sorted(_changed(step).items(), key=lambda item: (not item[1], item[0])))
    return Step(op=op, urn=urn, old=before, new=after, changed=ordered)


def _urn(text: str) -> Urn | None:
    try:
        return Urn.parse(text)
    except ValueError:
        return None


def _state(name: str, state: object) -> State | None:
    if state is None:
        return None
    found = _mapping(state)
    return State(
        id=str(found.get("id") or ""),
        name=name,
        parent=_urn(str(found.get("parent"))),
        inputs=_mapping(found.get("inputs")),
        outputs=_mapping(found.get("outputs")),
    )


def sentences(messages: Sequence[str]) -> list[str]:
    """The sentences of messages, sorted and each once, without what is of no use to a reviewer."""
    found: set[str] = set()
    for message in messages:
        text = message.strip()
        if protected := _PROTECTED.search(text):
            name = display_name(protected[1].rpartition("::")[2])
            found.add(f"{name} is protected, so it cannot be deleted: first set protect: false, in a run of its own")
            continue
        before, is_traceback, after = text.partition(_TRACEBACK)
        # The last line of a traceback is the error; the others are paths on some machine.
        lines = [f"{before.strip()} {after.splitlines()[-1].strip()}"] if is_traceback and after else text.splitlines()
        found.update(line.strip().removeprefix("error: ").removeprefix("warning: ") for line in lines)
    shown = sorted(sentence for sentence in found if sentence and not sentence.startswith(_PLUGIN_PATH))
    return [sentence for sentence in shown if not sentence.startswith(_EXIT_CODE)] or shown


def _mapping(value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadableError(_UNKNOWN_FORM)
    return value


def _text(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    if not isinstance(found, str):
        raise UnreadableError(_UNKNOWN_FORM)
    return found
