"""The contract of the API as data: one file per call in `contract/`, which each implementation is tested against.

Each file describes one call as the API reference does:

    call: show_flow_log            the name of the call, that of the file
    method: GET
    path: /v3/{project_id}/...     with its placeholders
    cases: [...]

and each case one request with the answer that has to come, against a fresh server on `seed.yaml` with no latency:

    name: a sentence about what the API does
    given:                         what happens before, in order (default: nothing)
      - create: {as: first, attachment: vpc-a}        accept a flow log in process; also name, description, group,
                                                      stream, client_token; it is available at once
      - do: set_flow_log_state                        call a world edit of emulator.store.Store ...
        with: [$first, failed]                        ... with these arguments
    path: {er_id: $er-second}      values of placeholders (default: $project, $er-main, $first, $vpc-a, ...)
    query: {limit: 2}              query parameters; a list for a repeated one
    headers: {X-Client-Token: t1}  besides the token and the content type
    body: {...}                    sent as JSON; or `raw_body`, sent as it is with `content_type`
    content_type: text/plain       of another type than the reference has; or `none` (default: as the service needs it)
    auth: missing                  or `wrong` or `expired` (default: a valid token)
    expect:
      status: 202
      headers: {X-Client-Token: t1}
      body: <shape>                or
      error: ER.04009005           the service's error envelope with this code (an HTTP status: Keystone's), and
      says: log group              a part of its message

`$name` stands for the id of what the seed, or `as`, calls by that name. A shape is a value that must be equal, or

    <uuid> <string> <integer> <boolean> <instant> <token-instant> <request-id>    any value of that kind
    {is: flow_log, name: a}                                       a record of `shapes.yaml`, some values given
    {each: <shape>}                                               a list of any length
    mappings and lists of shapes                                  with exactly these keys, exactly these elements
    nothing                                                       an answer without a body
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from emulator import Server
from emulator.flow_logs import NewFlowLog

FOLDER = Path(__file__).with_name("contract")
SEED = Path(__file__).with_name("seed.yaml")
SHAPES = FOLDER / "shapes.yaml"

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_TEXTS = {
    "<uuid>": re.compile(_UUID),
    "<request-id>": re.compile(_UUID),
    "<string>": re.compile(r"(?s).*"),
    "<instant>": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    "<token-instant>": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"),
}
_TYPES = {"<integer>": int, "<boolean>": bool}


@dataclass(frozen=True)
class Case:
    """One request and the answer that has to come, with nothing filled in yet: see `Stage`."""

    call: str
    method: str
    path: str
    name: str
    expect: Mapping[str, Any]
    given: list[Mapping[str, Any]] = field(default_factory=list)
    values: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    raw_body: str | None = None
    content_type: str | None = None
    auth: str = "valid"

    def __str__(self) -> str:
        return f"{self.call}: {self.name}"


def all_cases() -> list[Case]:
    """Every case of every file, in a stable order."""
    cases = []
    for file in sorted(FOLDER.glob("*.yaml")):
        if file == SHAPES:
            continue
        call = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert call["call"] == file.stem
        for case in call["cases"]:
            values = case.pop("path", {})
            cases.append(Case(call=call["call"], method=call["method"], path=call["path"], values=values, **case))
    return cases


class Stage:
    """A running server prepared for one case: knows what `$name` stands for."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.names: dict[str, str] = {"project": server.project_id}
        for things in yaml.safe_load(SEED.read_text(encoding="utf-8"))["projects"]:
            self._learn(things)

    def prepare(self, case: Case) -> None:
        for step in case.given:
            if "create" in step:
                self._create(**step["create"])
            else:
                getattr(self.server.store, step["do"])(*self.fill(step.get("with", [])))

    def fill(self, value: Any) -> Any:
        """The same value with every `$name` replaced."""
        if isinstance(value, str) and value.startswith("$"):
            return self.names[value[1:]]
        if isinstance(value, dict):
            return {key: self.fill(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.fill(inner) for inner in value]
        return value

    def path_values(self, case: Case) -> dict[str, str]:
        """The values of the placeholders in the path of a case."""
        usual = {
            "project_id": "$project",
            "er_id": "$er-main",
            "flow_log_id": "$first",
            "attachment_id": "$vpc-a",
            "log_group_id": "$network",
            "log_stream_id": "$flow",
        }
        values = {**usual, **case.values}
        return {key: self.fill(value) for key, value in values.items() if f"{{{key}}}" in case.path}

    def _learn(self, thing: Any) -> None:
        if isinstance(thing, dict):
            if "id" in thing and "name" in thing:
                self.names[thing["name"]] = thing["id"]
            for inner in thing.values():
                self._learn(inner)
        elif isinstance(thing, list):
            for inner in thing:
                self._learn(inner)

    def _create(self, **fields: str) -> None:
        flow_log = self.server.store.flow_logs.create(
            self.server.project_id,
            self.names[fields.get("router", "er-main")],
            NewFlowLog.parse(
                {
                    "flow_log": {
                        "name": fields.get("name", fields["as"]),
                        "description": fields.get("description", ""),
                        "resource_type": "attachment",
                        "resource_id": self.names[fields["attachment"]],
                        "log_group_id": self.names[fields.get("group", "network")],
                        "log_stream_id": self.names[fields.get("stream", "flow")],
                        "log_store_type": "LTS",
                    }
                }
            ),
            client_token=fields.get("client_token"),
        )
        self.names[fields["as"]] = flow_log.id


def mismatch(shape: Any, actual: Any, where: str = "body") -> str | None:
    """The first place at which an answer is not of a shape, in words; None when it fits."""
    if isinstance(shape, dict) and "is" in shape:
        record = yaml.safe_load(SHAPES.read_text(encoding="utf-8"))[shape["is"]]
        shape = {**record, **{key: value for key, value in shape.items() if key != "is"}}
    if isinstance(shape, str) and shape in _TEXTS:
        fits = isinstance(actual, str) and _TEXTS[shape].fullmatch(actual) is not None
    elif isinstance(shape, str) and shape in _TYPES:
        fits = type(actual) is _TYPES[shape]
    elif isinstance(shape, dict) and "each" in shape:
        if not isinstance(actual, list):
            return f"{where} is not a list: {actual!r}"
        inner = (mismatch(shape["each"], value, f"{where}[{index}]") for index, value in enumerate(actual))
        return next((found for found in inner if found), None)
    elif isinstance(shape, dict):
        if not isinstance(actual, dict) or set(actual) != set(shape):
            return f"{where} has not exactly the keys {sorted(shape)}: {actual!r}"
        inner = (mismatch(shape[key], actual[key], f"{where}.{key}") for key in shape)
        return next((found for found in inner if found), None)
    elif isinstance(shape, list):
        if not isinstance(actual, list) or len(actual) != len(shape):
            return f"{where} is not a list of {len(shape)}: {actual!r}"
        inner = (
            mismatch(expected, found, f"{where}[{index}]")
            for index, (expected, found) in enumerate(zip(shape, actual, strict=True))
        )
        return next((found for found in inner if found), None)
    else:
        fits = type(shape) is type(actual) and shape == actual
    return None if fits else f"{where} is {actual!r}, not {shape!r}"
