"""What users may do: IAM's custom policies of version 1.1, and the roles that stand for two of them.

{"Version": "1.1", "Statement": [
    {"Effect": "Allow", "Action": ["er:*:list", "er:flowlogs:*"]},     service:type:operation, * for any text in a part
    {"Effect": "Deny", "Action": ["er:flowlogs:delete"]}]}             Deny wins; what nothing allows is refused

What IAM knows and the emulator does not (Resource, Condition, Depends) is refused rather than ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from emulator import documents, strict_json
from emulator.documents import Document

# IAM user guide, policy syntax: a service in lower case; for the rest, case does not count.
_ACTION = re.compile(r"[a-z0-9*-]+(:[A-Za-z0-9_*-]+){2}")


def _check_action(action: str) -> str:
    if not _ACTION.fullmatch(action):
        raise ValueError(f"must be service:type:operation, the service in lower case, not {action!r}")
    return action


class Statement(Document):
    effect: Literal["Allow", "Deny"] = Field(alias="Effect")
    actions: list[Annotated[str, AfterValidator(_check_action)]] = Field(alias="Action", min_length=1)

    def covers(self, action: str) -> bool:
        return any(_pattern(pattern).fullmatch(action) for pattern in self.actions)


class Policy(Document):
    """What may be done, by patterns of actions."""

    version: Literal["1.1"] = Field(alias="Version")
    statements: list[Statement] = Field(alias="Statement", min_length=1)

    def allows(self, action: str) -> bool:
        effects = {statement.effect for statement in self.statements if statement.covers(action)}
        return effects == {"Allow"}

    def to_json(self) -> str:
        """The document, as the database keeps it."""
        return self.model_dump_json(by_alias=True)


def parse(document: object, what: str) -> Policy:
    """The policy in a document; `what` it is begins the sentence about a mistake.

    Raises:
        EmulatorError: It is not a policy, or one that the emulator does not read.
    """
    return documents.parse(Policy, document, what)


@lru_cache
def parse_stored(text: str) -> Policy:
    """The policy of a document as the database keeps it: needed at every request, and always valid."""
    return parse(strict_json.loads(text), "A policy in the database")


@lru_cache
def _pattern(action: str) -> re.Pattern[str]:
    return re.compile(re.escape(action).replace(r"\*", "[^:]*"), re.IGNORECASE)


def _allow(*actions: str) -> Policy:
    document = {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": list(actions)}]}
    return parse(document, "A built-in policy")


WRITER: Final = "writer"
READER: Final = "reader"
BUILT_IN: Mapping[str, Policy] = {WRITER: _allow("*:*:*"), READER: _allow("*:*:list", "*:*:show", "*:*:get")}
"""What users of each role may do."""
ROLES = tuple(BUILT_IN)
