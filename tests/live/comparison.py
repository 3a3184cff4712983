"""What two sides answered to the same calls, and in what that differs.

How often a call was repeated does not count, nor do answers that only say "not now".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.er.sanitizing import sanitize
from tests.live.journal import Exchange

LIVE, EMULATOR = "live", "the emulator"
GONE = "gone"
NO_ANSWER = "no answer"

Path = tuple[str, ...]
"""Where a value is in a document; `[]` stands for each item of a list."""

NOT_NOW = (401, 429, 500, 502, 503, 504)  # HTTP statuses after which the client repeats a call, or signs in anew
_MISSING_CODE = "ER.04008501"

_JSON_TYPES: Mapping[type, str] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    type(None): "null",
}
_ITEM = "[]"
# Made anew by each side, or compared elsewhere.
_OWN_VALUES = ("id", "state", "next_marker", "request_id", "error_msg", "error_code")
_INSTANTS = ("created_at", "updated_at")  # of these, how they are written
_TOKEN_HEADER = ("header X-Client-Token",)
_LONGEST_VALUE = 60  # characters


@dataclass
class Answers:
    """What one call was answered with in one step, however often it was made.

    Attributes:
        call: Method and path.
        verdicts: HTTP status and error code, without repetitions and without those of `NOT_NOW`.
        last: The last answer of each kind, by whether it is a refusal.
        not_now: The verdicts that were left out.
        times: How often the call was made.
    """

    call: str
    verdicts: list[str] = field(default_factory=list)
    last: dict[bool, Exchange] = field(default_factory=dict)
    not_now: list[str] = field(default_factory=list)
    times: int = 0

    def add(self, exchange: Exchange) -> None:
        """Take one more answer into account."""
        self.times += 1
        verdict = _verdict(exchange)
        if exchange.status is None or exchange.status in NOT_NOW or (exchange.has_content and exchange.body is None):
            self.not_now.append(verdict)
            return
        if self.verdicts[-1:] != [verdict]:
            self.verdicts.append(verdict)
        self.last[exchange.status >= 300] = exchange


def by_call(exchanges: Sequence[Exchange]) -> dict[str, Answers]:
    """The answers by call, in the order in which the calls were first made."""
    found: dict[str, Answers] = {}
    for exchange in exchanges:
        found.setdefault(exchange.call, Answers(exchange.call)).add(exchange)
    return found


def states(exchanges: Sequence[Exchange]) -> list[tuple[str, float]]:
    """The states that the flow log was seen in, without repetitions, and when each was first seen."""
    found: list[tuple[str, float]] = []
    for exchange in exchanges:
        state = GONE if _is_gone(exchange) else exchange.flow_log.get("state")
        if isinstance(state, str) and [seen for seen, _ in found[-1:]] != [state]:
            found.append((sanitize(state, 20), exchange.ended))
    return found


def compared(live: Mapping[str, Answers], emulator: Mapping[str, Answers]) -> int:
    """How many pairs of answers there are."""
    return sum(len(live[call].last.keys() & emulator[call].last.keys()) for call in live.keys() & emulator.keys())


def differences(
    live: Mapping[str, Answers], emulator: Mapping[str, Answers], *, with_values: bool = True
) -> Iterator[str]:
    """In what the answers differ, a line each.

    Args:
        live: Of the service.
        emulator: Of the emulator.
        with_values: Whether both sides have the same world, so that the values of fields are to be the same, too.
    """
    for call in [*live, *(call for call in emulator if call not in live)]:
        if call not in emulator:
            yield f"only {LIVE} was asked {call}"
        elif call not in live:
            yield f"only {EMULATOR} was asked {call}"
        else:
            yield from _of_one_call(live[call], emulator[call], with_values=with_values)


def _of_one_call(live: Answers, emulator: Answers, *, with_values: bool) -> Iterator[str]:
    if live.verdicts != emulator.verdicts:
        yield f"{live.call}: {LIVE} answered {_sequence(live)}, {EMULATOR} {_sequence(emulator)}"
    for is_refusal in sorted(live.last.keys() & emulator.last.keys()):
        ours, theirs = live.last[is_refusal], emulator.last[is_refusal]
        yield from _of_fields(_types(ours), _types(theirs))
        if with_values:
            yield from _of_values(_values(ours), _values(theirs))


def _of_fields(live: Mapping[Path, set[str]], emulator: Mapping[Path, set[str]]) -> Iterator[str]:
    for one, other, whose, another in ((live, emulator, LIVE, EMULATOR), (emulator, live, EMULATOR, LIVE)):
        for path in one:
            # Of what is in something that the other side lacks, nothing more is said.
            if path in other or any(path[:length] not in other for length in range(1, len(path))):
                continue
            if path[-1] == _ITEM:
                yield f"{whose} has something in {_shown(path[:-1])}, {another} has nothing"
            else:
                yield f"{whose} has field {_shown(path)}, {another} has not"
    for path in live:
        if path in emulator and live[path] != emulator[path]:
            yield f"{LIVE} has {_shown(path)} as {_or(live[path])}, {EMULATOR} as {_or(emulator[path])}"


def _of_values(live: Mapping[Path, Any], emulator: Mapping[Path, Any]) -> Iterator[str]:
    for path in live:
        # Of another type is another line.
        if path in emulator and type(live[path]) is type(emulator[path]) and live[path] != emulator[path]:
            yield f"{LIVE} has {_value(live[path])} in {_shown(path)}, {EMULATOR} {_value(emulator[path])}"


def _verdict(exchange: Exchange) -> str:
    if exchange.status is None:
        return NO_ANSWER
    code = sanitize(exchange.code or "", 40)
    return f"{exchange.status} {code}" if code else str(exchange.status)


def _is_gone(exchange: Exchange) -> bool:
    is_show = exchange.call.startswith("GET") and exchange.call.endswith("/flow-logs/{flow_log}")
    return is_show and (exchange.code == _MISSING_CODE or exchange.status == 404)


def _sequence(answers: Answers) -> str:
    return " → ".join(answers.verdicts) or "not at all"


def _types(exchange: Exchange) -> dict[Path, set[str]]:
    found: dict[Path, set[str]] = {}
    if exchange.echoes_token:
        found[_TOKEN_HEADER] = {"string"}
    for path, value in _values_in((), exchange.body) if exchange.has_content else ():
        found.setdefault(path, set()).add(_JSON_TYPES[type(value)])
    return found


def _values(exchange: Exchange) -> dict[Path, Any]:
    """The values that both sides should have, outside lists, which may be in another order."""
    return {
        path: re.sub(r"\d", "0", str(value)) if path[-1] in _INSTANTS else value
        for path, value in _values_in((), exchange.body)
        if _ITEM not in path and path[-1] not in _OWN_VALUES and isinstance(value, (str, int, float))
    }


def _values_in(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    """Every value in a document."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _values_in((*path, str(key)), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values_in((*path, _ITEM), inner)


def _shown(path: Path) -> str:
    return sanitize(".".join(path).replace(f".{_ITEM}", _ITEM), 100)


def _value(value: Any) -> str:
    return repr(sanitize(value, _LONGEST_VALUE)) if isinstance(value, str) else str(value).lower()


def _or(types: set[str]) -> str:
    return " or ".join(sorted(types))
