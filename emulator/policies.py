"""What users may do: IAM's custom policies of version 1.1, and the roles that stand for two of them.

{"Version": "1.1", "Statement": [
    {"Effect": "Allow", "Action": ["er:*:list", "er:flowlogs:*"]},     service:type:operation, * for any text in one
    {"Effect": "Deny", "Action": ["er:flowlogs:delete"]}]}             Deny wins; what nothing allows is refused

Policies that IAM has and this does not read (with Resource, Condition or Depends) are refused rather than half obeyed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from emulator import strict_json
from emulator.errors import EmulatorError

VERSION = "1.1"
ALLOW, DENY = "Allow", "Deny"
_FIELDS = ("Version", "Statement")
_STATEMENT_FIELDS = ("Effect", "Action")

# IAM user guide, policy syntax: a service in lower case; for the rest, case does not count.
_ACTION = re.compile(r"[a-z0-9*-]+(:[A-Za-z0-9_*-]+){2}")


@dataclass(frozen=True)
class Policy:
    """What may be done, by patterns of actions."""

    allowed: Sequence[re.Pattern[str]]
    denied: Sequence[re.Pattern[str]]

    def allows(self, action: str) -> bool:
        return _any(self.allowed, action) and not _any(self.denied, action)


def parse(document: object, what: str) -> Policy:
    """The policy that a document states; `what` it is stands at the beginning of complaints.

    Raises:
        EmulatorError: It is not a policy, or one that this does not read.
    """
    try:
        fields = _fields("the document", document, _FIELDS)
        if fields["Version"] != VERSION:
            raise _MistakeError(f'Version must be the text "{VERSION}", not {fields["Version"]!r}')
        patterns: dict[str, list[re.Pattern[str]]] = {ALLOW: [], DENY: []}
        for index, statement in enumerate(_filled_list("Statement", fields["Statement"])):
            place = f"Statement[{index}]"
            said = _fields(place, statement, _STATEMENT_FIELDS)
            effect = said["Effect"]
            if not (isinstance(effect, str) and effect in patterns):
                raise _MistakeError(f"{place}.Effect must be {ALLOW} or {DENY}, not {effect!r}")
            actions = _filled_list(f"{place}.Action", said["Action"])
            patterns[effect] += [_pattern(f"{place}.Action[{at}]", action) for at, action in enumerate(actions)]
    except _MistakeError as mistake:
        raise EmulatorError(f"{what}: {mistake}.") from None
    return Policy(patterns[ALLOW], patterns[DENY])


def load(path: Path) -> object:
    """The document that a JSON file holds, whatever it says.

    Raises:
        EmulatorError: It cannot be read, or is no JSON.
    """
    try:
        return strict_json.loads(path.read_bytes())
    except OSError as error:
        raise EmulatorError(f"Cannot read the policy {path}: {error.strerror}.") from error
    except ValueError as error:
        raise EmulatorError(f"The policy {path} is not valid JSON: {error}.") from error


@lru_cache
def stored(text: str) -> Policy:
    """The policy of a document as the database has it: asked for at every request, and never a wrong one."""
    return parse(strict_json.loads(text), "A policy in the database")


class _MistakeError(Exception):
    """What is wrong with a document, and where in it."""


def _fields(place: str, value: object, names: Sequence[str]) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _MistakeError(f"{place} must be an object of {' and '.join(names)}")
    for name in value:
        if name not in names:
            raise _MistakeError(
                f"{place} has {name!r}, which the emulator does not read: it reads {' and '.join(names)}"
            )
    for name in names:
        if name not in value:
            raise _MistakeError(f"{place} has no {name}")
    return value


def _filled_list(place: str, value: object) -> Sequence[object]:
    if not (isinstance(value, list) and value):
        raise _MistakeError(f"{place} must be a list, and not an empty one")
    return value


def _pattern(place: str, action: object) -> re.Pattern[str]:
    if not (isinstance(action, str) and _ACTION.fullmatch(action)):
        raise _MistakeError(f"{place} must be service:type:operation, the service in lower case, not {action!r}")
    return re.compile(re.escape(action).replace(r"\*", "[^:]*"), re.IGNORECASE)


def _any(patterns: Sequence[re.Pattern[str]], action: str) -> bool:
    return any(pattern.fullmatch(action) for pattern in patterns)


def _allowing(*actions: str) -> Policy:
    document = {"Version": VERSION, "Statement": [{"Effect": ALLOW, "Action": list(actions)}]}
    return parse(document, "A built-in policy")


WRITER, READER = "writer", "reader"
BUILT_IN: Mapping[str, Policy] = {WRITER: _allowing("*:*:*"), READER: _allowing("*:*:list", "*:*:show", "*:*:get")}
"""What users of each role may do."""
ROLES = tuple(BUILT_IN)
