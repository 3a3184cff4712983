"""How the answers of both sides to the same calls differ, whatever the number of repetitions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.er.sanitizing import sanitize
from tests.live.journal import Exchange

LIVE, EMULATOR = "live", "the emulator"

Path = tuple[str, ...]
"""Where a value is in a document; `[]` is each item of a list."""

RETRIED = (401, 429, 500, 502, 503, 504)  # HTTP statuses after which the client repeats a call or signs in again
_MISSING_CODE = "ER.04008501"
_ITEM = "[]"
_JSON_TYPES: Mapping[type, str] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    type(None): "null",
}
# These differ between the sides, or are compared elsewhere.
_OWN_VALUES = ("id", "state", "next_marker", "request_id", "error_msg", "error_code")
_TIMES = ("created_at", "updated_at")  # only their format is compared


@dataclass
class Answers:
    """The answers to one call in one step, however often it was made.

    Attributes:
        call: Method and path.
        results: HTTP status and error code, without repetitions and without those in `retried`.
        last: The last answer of each kind, by whether it is a refusal.
        retried: The results after which the client repeats a call.
        count: How often the call was made.
    """

    call: str
    results: list[str] = field(default_factory=list)
    last: dict[bool, Exchange] = field(default_factory=dict)
    retried: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, exchange: Exchange) -> None:
        self.count += 1
        result = _result(exchange)
        if exchange.status is None or exchange.status in RETRIED or (exchange.has_content and exchange.body is None):
            self.retried.append(result)
            return
        if self.results[-1:] != [result]:
            self.results.append(result)
        self.last[exchange.status >= 300] = exchange


def group_by_call(exchanges: Sequence[Exchange]) -> dict[str, Answers]:
    """The answers by call, in the order of the first calls."""
    found: dict[str, Answers] = {}
    for exchange in exchanges:
        found.setdefault(exchange.call, Answers(exchange.call)).add(exchange)
    return found


def states(exchanges: Sequence[Exchange]) -> list[tuple[str, float]]:
    """The states of the flow log, without repetitions, and when each was first seen."""
    found: list[tuple[str, float]] = []
    for exchange in exchanges:
        state = "gone" if _is_gone(exchange) else exchange.flow_log.get("state")
        if isinstance(state, str) and [last for last, _ in found[-1:]] != [state]:
            found.append((sanitize(state, 20), exchange.ended))
    return found


def count_compared(live: Mapping[str, Answers], emulator: Mapping[str, Answers]) -> int:
    """How many pairs of answers there are."""
    return sum(len(live[call].last.keys() & emulator[call].last.keys()) for call in live.keys() & emulator.keys())


def differences(
    live: Mapping[str, Answers], emulator: Mapping[str, Answers], *, with_values: bool = True
) -> Iterator[str]:
    """The differences between the answers, a line each.

    Args:
        live: Of the service.
        emulator: Of the emulator.
        with_values: Whether both sides have the same contents, so that values are compared as well.
    """
    for call in dict.fromkeys([*live, *emulator]):
        if call not in emulator or call not in live:
            yield f"only {LIVE if call in live else EMULATOR} was asked {call}"
            continue
        answers, others = live[call], emulator[call]
        if answers.results != others.results:
            yield f"{call}: {LIVE} answered {_sequence(answers)}, {EMULATOR} {_sequence(others)}"
        for is_refusal in sorted(answers.last.keys() & others.last.keys()):
            answer, other = answers.last[is_refusal], others.last[is_refusal]
            yield from _compare_fields(_types(answer), _types(other))
            if with_values:
                yield from _compare_values(_values(answer), _values(other))


def _compare_fields(live: Mapping[Path, set[str]], emulator: Mapping[Path, set[str]]) -> Iterator[str]:
    for path in dict.fromkeys([*live, *emulator]):
        if path in live and path in emulator:
            if live[path] != emulator[path]:
                types = (" or ".join(sorted(side[path])) for side in (live, emulator))
                yield f"{LIVE} has {_show(path)} as {next(types)}, {EMULATOR} as {next(types)}"
        # Fields of something that one side lacks are not reported as well.
        elif all(path[:length] in live and path[:length] in emulator for length in range(1, len(path))):
            has, lacks = (LIVE, EMULATOR) if path in live else (EMULATOR, LIVE)
            if path[-1] == _ITEM:
                yield f"{has} has something in {_show(path[:-1])}, {lacks} has nothing"
            else:
                yield f"{has} has field {_show(path)}, {lacks} has not"


def _compare_values(live: Mapping[Path, Any], emulator: Mapping[Path, Any]) -> Iterator[str]:
    for path in [path for path in live if path in emulator]:
        value, other = live[path], emulator[path]
        if type(value) is type(other) and value != other:
            yield f"{LIVE} has {_show_value(value)} in {_show(path)}, {EMULATOR} {_show_value(other)}"


def _result(exchange: Exchange) -> str:
    if exchange.status is None:
        return "no answer"
    return f"{exchange.status} {sanitize(exchange.code or '', 40)}".strip()


def _is_gone(exchange: Exchange) -> bool:
    is_show = exchange.call.startswith("GET") and exchange.call.endswith("/flow-logs/{flow_log}")
    return is_show and (exchange.code == _MISSING_CODE or exchange.status == 404)


def _sequence(answers: Answers) -> str:
    return " → ".join(answers.results) or "not at all"


def _types(exchange: Exchange) -> dict[Path, set[str]]:
    found: dict[Path, set[str]] = {("header X-Client-Token",): {"string"}} if exchange.echoes_token else {}
    for path, value in _flatten((), exchange.body) if exchange.has_content else ():
        found.setdefault(path, set()).add(_JSON_TYPES[type(value)])
    return found


def _values(exchange: Exchange) -> dict[Path, Any]:
    """The values that both sides should have, outside lists, whose order may differ."""
    return {
        path: re.sub(r"\d", "0", str(value)) if path[-1] in _TIMES else value
        for path, value in _flatten((), exchange.body)
        if _ITEM not in path and path[-1] not in _OWN_VALUES and isinstance(value, (str, int, float))
    }


def _flatten(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    """Every value in a document; the keys of tags are people's own."""
    if path:
        yield path, value
    if isinstance(value, dict) and path[-1:] != ("tag",):
        for key, inner in value.items():
            yield from _flatten((*path, str(key)), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _flatten((*path, _ITEM), inner)


def _show(path: Path) -> str:
    return sanitize(".".join(path).replace(f".{_ITEM}", _ITEM), 100)


def _show_value(value: Any) -> str:
    return repr(sanitize(value, 60)) if isinstance(value, str) else str(value).lower()
