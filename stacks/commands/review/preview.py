"""Reads the output of `pulumi preview --json`: one document, or one event a line.

The document (the default) has the old and new state of each resource, but not the stack's outputs after the run. The
events (with PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true) also have these outputs, and so the names of new flow logs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.er.sanitizing import display_name
from providers.urn import STACK_TYPE, Urn

OPERATIONS = {
    *("same", "create", "update", "delete", "refresh", "import", "read", "discard"),
    *("replace", "create-replacement", "delete-replaced", "import-replacement"),
    *("read-replacement", "discard-replaced", "remove-pending-replace"),
}
"""All operations of the engine on resources."""

INCOMPLETE = "its output is incomplete"
_NOT_JSON = "its output is not the JSON of `pulumi preview`"
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
        name: The resource's logical name.
        parent: The resource that it is in.
        inputs: Its inputs.
        outputs: Its outputs; empty if it does not exist yet.
    """

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
        outputs_before: The stack's outputs after its last run; empty if there was none.
        outputs_after: The stack's outputs after this run; empty if they were not printed.
        warnings: Its warnings.
        errors: Its errors.
    """

    steps: list[Step] = field(default_factory=list)
    outputs_before: Mapping[str, Any] = field(default_factory=dict)
    outputs_after: Mapping[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def add_diagnostic(self, diagnostic: Mapping[str, Any]) -> None:
        """Add an error or a warning; others are ignored."""
        if diagnostic.get("severity") == "error":
            self.errors.append(_text(diagnostic, "message"))
        elif diagnostic.get("severity") == "warning":
            self.warnings.append(_text(diagnostic, "message"))

    def add_outputs(self, step: Step) -> None:
        """Add the stack's outputs, if this step has them."""
        if step.type != STACK_TYPE:
            return
        if step.old and step.old.outputs:
            self.outputs_before = step.old.outputs
        if step.new and step.new.outputs and step.op != "refresh":
            self.outputs_after = step.new.outputs

    def finish(self) -> Preview:
        """The preview.

        Raises:
            UnreadableError: There are errors.
        """
        if self.errors:
            raise UnreadableError("", _sentences(self.errors))
        self.warnings = _sentences(self.warnings)
        return self


def read_preview(text: str) -> Preview:
    """The preview with this output.

    Raises:
        UnreadableError: It failed, or its output is incomplete.
    """
    if not text.strip():
        raise UnreadableError("it printed nothing to standard output")
    try:
        document = json.loads(text)
    except ValueError:
        return _read_events(text)
    if isinstance(document, dict) and "sequence" not in document:
        return _read_document(document)
    return _read_events(text)


def _read_document(document: Mapping[str, Any]) -> Preview:
    preview = Preview()
    for diagnostic in _list(document.get("diagnostics")):
        preview.add_diagnostic(diagnostic)
    if "steps" not in document:  # as when it failed before its first step
        preview.finish()
        raise UnreadableError(_UNKNOWN_FORM)
    for data in _list(document["steps"]):
        changed = _changed(data, "diffReasons", "replaceReasons", kind="kind")
        step = _step(data, "oldState", "newState", changed)
        preview.steps.append(step)
        preview.add_outputs(step)
    return preview.finish()


def _read_events(text: str) -> Preview:
    preview, result = Preview(), ""
    for event in _events(text):
        preview.add_diagnostic(_mapping(event.get("diagnosticEvent")))
        for kind in {"resourcePreEvent", "resOutputsEvent"} & event.keys():
            data = _mapping(_mapping(event[kind]).get("metadata"))
            changed = _changed(data, "diffs", "keys", kind="diffKind")
            step = _step(data, "old", "new", changed)
            if kind == "resourcePreEvent":
                preview.steps.append(step)
            preview.add_outputs(step)
        if "summaryEvent" in event:
            result = str(_mapping(event["summaryEvent"]).get("result", "succeeded"))
    preview.finish()
    if result != "succeeded":
        raise UnreadableError("the engine gives no reason" if result else INCOMPLETE)
    return preview


def _changed(step: Mapping[str, Any], changed: str, replacing: str, *, kind: str) -> dict[str, bool]:
    """The properties that differ, and whether they force a replacement. Not every host gives a detailed diff."""
    detailed = _mapping(step.get("detailedDiff"))
    return {
        **dict.fromkeys(map(str, step.get(changed) or ()), False),
        **{key: str(_mapping(diff).get(kind)).endswith("-replace") for key, diff in detailed.items()},
        **dict.fromkeys(map(str, step.get(replacing) or ()), True),
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
            errors = [line for line in text.splitlines() if line.startswith("error: ")]
            is_truncated = text.lstrip().startswith("{") and not errors
            raise UnreadableError(INCOMPLETE if is_truncated else _NOT_JSON, _sentences(errors))
        yield event


def _step(step: Mapping[str, Any], old: str, new: str, changed: Mapping[str, bool]) -> Step:
    op, text = _text(step, "op"), _text(step, "urn")
    urn = _urn(text)
    if op not in OPERATIONS or urn is None:
        raise UnreadableError(f"it has an unknown operation, {op!r} of {text!r}")
    before, after = (_state(urn.name, step.get(key)) for key in (old, new))
    ordered = dict(sorted(changed.items(), key=lambda item: (not item[1], item[0])))
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
        name=name,
        parent=_urn(str(found.get("parent"))),
        inputs=_mapping(found.get("inputs")),
        outputs=_mapping(found.get("outputs")),
    )


def _sentences(messages: Sequence[str]) -> list[str]:
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


def _list(value: object) -> Sequence[Mapping[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnreadableError(_UNKNOWN_FORM)
    return [_mapping(item) for item in value]


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
