"""What `pulumi preview --json` prints, read: one document, or one event a line.

The document (the default) has what each resource was and is to be, but not the outputs that the stack is to have. The
events (with PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true) have them too, and so the names of what is new.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.urn import STACK_TYPE, Urn

OPERATIONS = {
    "same",
    "create",
    "update",
    "delete",
    "replace",
    "create-replacement",
    "delete-replaced",
    "import",
    "import-replacement",
    "refresh",
    "read",
    "read-replacement",
    "discard",
    "discard-replaced",
    "remove-pending-replace",
}
"""All that the engine does to resources."""

BREAKS_OFF = "what it printed breaks off"
_TRACEBACK = "Traceback (most recent call last):"
_USELESS = "an unhandled error occurred: program exited with non-zero exit code"
_TOOLS_OWN = "using pulumi-resource-"  # where a plugin was found: of no use to a reviewer, and a path of some machine


class UnreadableError(ValueError):
    """What was printed is not what a preview that succeeded prints; the text is one sentence.

    Attributes:
        errors: What the preview said was wrong.
    """

    def __init__(self, sentence: str, errors: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.errors = list(errors)


@dataclass(frozen=True)
class State:
    """A resource as it was or as it is to be.

    Attributes:
        parent: The resource that it is in.
        inputs: What it was or is asked to be.
        outputs: What it was; nothing if it is not there yet.
    """

    parent: Urn | None
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]

    def value(self, key: str) -> Any:
        """A property as it is; as it is wanted, if it is not there yet."""
        return self.outputs.get(key, self.inputs.get(key))


@dataclass(frozen=True)
class Step:
    """What is to be done to one resource.

    Attributes:
        op: One of `OPERATIONS`.
        urn: The resource.
        old: As it was.
        new: As it is to be.
        changed: The properties because of which, and whether they force a replacement.
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
    """A preview that succeeded.

    Attributes:
        steps: What is to be done, and what is known of what stays as it is.
        outputs_before: The stack's outputs after its last run; none if there was none.
        outputs_after: Those that it is to have; none if that was not printed.
        warnings: What the preview warned of.
    """

    steps: list[Step] = field(default_factory=list)
    outputs_before: Mapping[str, Any] = field(default_factory=dict)
    outputs_after: Mapping[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def read(text: str) -> Preview:
    """The preview.

    Raises:
        UnreadableError: It failed, or this is not all that it printed.
    """
    if not text.strip():
        raise UnreadableError("it printed nothing to standard output")
    try:
        document = json.loads(text)
    except ValueError:
        return _events(text)
    if isinstance(document, dict) and "sequence" not in document:
        return _document(document)
    return _events(text)


def _document(document: Mapping[str, Any]) -> Preview:
    found = _Reader()
    for diagnostic in _list(document.get("diagnostics")):
        found.said(diagnostic)
    if "steps" not in document:  # as when it failed before it began
        found.all()
        raise UnreadableError(_ANOTHER_FORM)
    for one in _list(document["steps"]):
        reasons = _reasons(one, "diffReasons", "replaceReasons", kind="kind")
        step = _step(one, _state(one.get("oldState")), _state(one.get("newState")), reasons)
        found.preview.steps.append(step)
        found.outputs_of(step)
    return found.all()


def _events(text: str) -> Preview:
    found, result = _Reader(), ""
    for event in _lines(text):
        found.said(_mapping(event.get("diagnosticEvent")))
        for kind in {"resourcePreEvent", "resOutputsEvent"} & event.keys():
            one = _mapping(_mapping(event[kind]).get("metadata"))
            reasons = _reasons(one, "diffs", "keys", kind="diffKind")
            step = _step(one, _state(one.get("old")), _state(one.get("new")), reasons)
            if kind == "resourcePreEvent":
                found.preview.steps.append(step)
            found.outputs_of(step)
        if "summaryEvent" in event:
            result = str(_mapping(event["summaryEvent"]).get("result", "succeeded"))
    preview = found.all()
    if result != "succeeded":
        raise UnreadableError("the engine does not say why" if result else BREAKS_OFF)
    return preview


class _Reader:
    """Gathers a preview."""

    def __init__(self) -> None:
        self.preview = Preview()
        self._errors: list[str] = []

    def said(self, diagnostic: Mapping[str, Any]) -> None:
        """Take note of an error or a warning."""
        if diagnostic.get("severity") == "error":
            self._errors.append(_text(diagnostic, "message"))
        elif diagnostic.get("severity") == "warning":
            self.preview.warnings.append(_text(diagnostic, "message"))

    def outputs_of(self, step: Step) -> None:
        """Take note of the stack's outputs, if they are in this step."""
        if step.type != STACK_TYPE:
            return
        if step.old and step.old.outputs:
            self.preview.outputs_before = step.old.outputs
        if step.new and step.new.outputs and step.op != "refresh":
            self.preview.outputs_after = step.new.outputs

    def all(self) -> Preview:
        """What was gathered.

        Raises:
            UnreadableError: There are errors.
        """
        if self._errors:
            raise UnreadableError("", _sentences(self._errors))
        self.preview.warnings = _sentences(self.preview.warnings)
        return self.preview


def _reasons(step: Mapping[str, Any], changed: str, replacing: str, *, kind: str) -> dict[str, bool]:
    """The properties that differ, and whether they force a replacement. Not every host gives a detailed diff."""
    detailed = _mapping(step.get("detailedDiff"))
    return {
        **dict.fromkeys(map(str, step.get(changed) or ()), False),
        **{key: str(_mapping(diff).get(kind)).endswith("-replace") for key, diff in detailed.items()},
        **dict.fromkeys(map(str, step.get(replacing) or ()), True),
    }


def _lines(text: str) -> Iterator[Mapping[str, Any]]:
    """The events.

    Raises:
        UnreadableError: Something else is there; with what it says was wrong.
    """
    for line in text.split("\n"):  # not splitlines(): what else it takes for the end of a line may be in a name
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict) or "sequence" not in event:
            said = [one for one in text.splitlines() if one.startswith("error: ")]
            is_truncated = text.lstrip().startswith("{") and not said
            raise UnreadableError(
                BREAKS_OFF if is_truncated else "what it printed is not JSON of `pulumi preview`",
                _sentences(said),
            )
        yield event


def _step(step: Mapping[str, Any], old: State | None, new: State | None, changed: Mapping[str, bool]) -> Step:
    op, text = _text(step, "op"), _text(step, "urn")
    urn = _urn(text)
    if op not in OPERATIONS or urn is None:
        raise UnreadableError(f"it has an operation that this program does not know, {op!r} of {text!r}")
    return Step(op=op, urn=urn, old=old, new=new, changed=changed)


def _urn(text: str) -> Urn | None:
    try:
        return Urn.parse(text)
    except ValueError:
        return None


def _state(state: object) -> State | None:
    if state is None:
        return None
    found = _mapping(state)
    return State(
        parent=_urn(str(found.get("parent"))),
        inputs=_mapping(found.get("inputs")),
        outputs=_mapping(found.get("outputs")),
    )


def _sentences(messages: Sequence[str]) -> list[str]:
    """What messages say, without what is of no use to a reader, each once and in an order of its own."""
    found: set[str] = set()
    for message in messages:
        text = message.strip()
        before, is_traceback, after = text.partition(_TRACEBACK)
        # Of a traceback its last line says what happened; the others are paths of some machine.
        lines = [f"{before.strip()} {after.splitlines()[-1].strip()}"] if is_traceback and after else text.splitlines()
        found.update(line.strip().removeprefix("error: ").removeprefix("warning: ") for line in lines)
    useful = sorted(one for one in found if one and not one.startswith(_TOOLS_OWN))
    return [one for one in useful if not one.startswith(_USELESS)] or useful


def _list(value: object) -> Sequence[Mapping[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnreadableError(_ANOTHER_FORM)
    return [_mapping(one) for one in value]


def _mapping(value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadableError(_ANOTHER_FORM)
    return value


def _text(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    if not isinstance(found, str):
        raise UnreadableError(_ANOTHER_FORM)
    return found


_ANOTHER_FORM = "what it printed has another form than this program reads"
