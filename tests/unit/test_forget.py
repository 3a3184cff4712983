"""What leaves the state and how the stack file changes when a stack stops managing flow logs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest
import yaml

from providers.er import Client
from providers.schema import provisional_id
from providers.urn import COMPONENT_TYPE, FLOW_LOG_TYPE, STACK_TYPE
from stacks.commands.forget.release import ForgetError, Release, plan_release
from stacks.errors import StackError
from stacks.stackfile.editor import EditError
from stacks.state.recovery import Export
from tests.unit import plans
from tests.unit.plans import attachment, router, target, urn

PREFIX = "urn:pulumi:local::otc-flow-logs::"
ATTACHMENTS = [
    attachment("a", "vpc-a", tags={"log": "yes"}),
    attachment("b", "vpc-b", tags={"log": "yes"}),
    attachment("c", "twin", tags={"log": "yes"}),
    attachment("d", "twin", tags={"log": "yes"}),
]
USUAL = {"router": "er-core", "log_group": "group", "log_stream": "stream"}


OUTPUTS = {
    "flow_logs": {"vpc-a": [{"id": "id-a-s"}], "vpc-b": [{"id": "id-b-s"}]},
    "last_run": {"routers": {}, "forgotten": ["id-z"]},
}


def client() -> Client:
    """The API with routers er-1 (er-core) and er-2 (er-edge)."""
    fake = plans.FakeClient()
    fake.routers_there = [router("er-1", "er-core"), router("er-2", "er-edge"), router("er-3", "er-other")]
    fake.attachments_of = {"er-1": ATTACHMENTS, "er-2": [attachment("e", "vpc-e")]}
    return cast(Client, fake)


def component(name: str) -> str:
    return f"{PREFIX}{COMPONENT_TYPE}::{name}"


def resource(attachment_id: str, *, router_id: str = "er-1", stream: str = "s", **values: Any) -> dict[str, Any]:
    """A flow log in the state."""
    place = target(attachment_id, router_id=router_id, stream=stream)
    names = ("er_id", "resource_id", "log_group_id", "log_stream_id")
    return {
        "urn": urn(f"{attachment_id}-{stream}"),
        "type": FLOW_LOG_TYPE,
        "id": f"id-{attachment_id}-{stream}",
        "parent": component(router_id),
        "outputs": {**{name: getattr(place, name) for name in names}, "name": f"fl-{attachment_id}"},
        **values,
    }


def exported(*flow_logs: Mapping[str, Any], pending: list[Any] | None = None) -> Export:
    """A state with these flow logs, and the components of er-1 and er-2."""
    parents = [{"urn": component(id_), "type": COMPONENT_TYPE, "id": ""} for id_ in ("er-1", "er-2")]
    stack = {"urn": f"{PREFIX}{STACK_TYPE}::otc-flow-logs-local", "type": STACK_TYPE, "outputs": OUTPUTS}
    return {"version": 3, "deployment": {"resources": [stack, *parents, *flow_logs], "pending_operations": pending}}


ALL_LOGGED = exported(*(resource(id_) for id_ in "abcd"), resource("e", router_id="er-2"))


def stack_file(routers: Mapping[str, Mapping[str, Any]], **others: Any) -> str:
    values = {"routers": {key: {**USUAL, **own} for key, own in routers.items()}, **others}
    return yaml.safe_dump({"config": {f"otc-flow-logs:{key}": value for key, value in values.items()}}, sort_keys=False)


EDGE = {"router": "er-edge"}


def release(text: str, *attachments: str, routers: tuple[str, ...] = (), export: Export = ALL_LOGGED) -> Release:
    return plan_release(client(), text, export, stack="local", attachments=attachments, routers=routers)


def routers_of(found: Release) -> dict[str, Any]:
    declared: dict[str, Any] = yaml.safe_load(found.text)["config"]["otc-flow-logs:routers"]
    return declared


def urns(export: Export) -> set[str]:
    return {item["urn"] for item in export["deployment"]["resources"]}


def last_run(export: Export) -> dict[str, Any]:
    found: dict[str, Any] = export["deployment"]["resources"][0]["outputs"]["last_run"]
    return found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"attachments": {"exclude": ["vpc-a"]}}),
        ({"attachments": "all"}, {"attachments": {"exclude": ["vpc-a"]}}),
        ({"attachments": ["vpc-b", "vpc-a"]}, {"attachments": ["vpc-b"]}),
        ({"attachments": ["a", "vpc-b"]}, {"attachments": ["vpc-b"]}),
        ({"attachments": ["vpc-a"]}, {"attachments": []}),
        ({"attachments": {}}, {"attachments": {"exclude": ["vpc-a"]}}),
        ({"attachments": {"exclude": ["vpc-b"]}}, {"attachments": {"exclude": ["vpc-b", "vpc-a"]}}),
        # Without its only `include`, a selector would select everything.
        ({"attachments": {"include": ["vpc-a"]}}, {"attachments": {"include": ["vpc-a"], "exclude": ["vpc-a"]}}),
        ({"attachments": {"types": ["vpc"]}}, {"attachments": {"types": ["vpc"], "exclude": ["vpc-a"]}}),
        ({"attachments": {"names": ["vpc-*"]}}, {"attachments": {"names": ["vpc-*"], "exclude": ["vpc-a"]}}),
        ({"attachments": {"tags": {"log": "yes"}}}, {"attachments": {"tags": {"log": "yes"}, "exclude": ["vpc-a"]}}),
    ],
)
@pytest.mark.parametrize("name", ["vpc-a", "a"])
def test_attachment_is_no_longer_selected(before: dict[str, Any], after: dict[str, Any], name: str) -> None:
    others = {"overrides": {"vpc-a": {"enabled": False}}, "protect": True}

    found = release(stack_file({"core": {**before, **others}, "edge": EDGE}), name)

    assert routers_of(found) == {"core": {**USUAL, **after, **others}, "edge": {**USUAL, **EDGE}}
    assert urns(found.remove_from(ALL_LOGGED)) == urns(ALL_LOGGED) - {urn("a-s")}
    assert last_run(found.remove_from(ALL_LOGGED))["forgotten"] == ["id-a-s", "id-z"]
    assert list(found.flow_logs.values()) == ["er-core, vpc-a, fl-a\n    logs to group/stream"]


def test_all_keys_of_an_attachment_lose_it() -> None:
    both = exported(resource("a"), resource("a", stream="t"), resource("b"))
    other = {"log_stream": "other", "attachments": ["vpc-a", "vpc-b"]}

    found = release(stack_file({"core": {}, "more": other}), "a", export=both)

    assert {key: value["attachments"] for key, value in routers_of(found).items()} == {
        "core": {"exclude": ["vpc-a"]},
        "more": ["vpc-b"],
    }
    assert urns(both) - urns(found.remove_from(both)) == {urn("a-s"), urn("a-t")}


def test_attachments_with_one_name_are_excluded_by_id() -> None:
    found = release(stack_file({"core": {}}), "d", "vpc-a")
    assert routers_of(found)["core"]["attachments"] == {"exclude": ["vpc-a", "d"]}
    with pytest.raises(ValueError, match="the name 'twin' matches 2 of them; use an id: c, d"):
        release(stack_file({"core": {}}), "twin")


def test_router_leaves_with_its_component_and_all_its_keys() -> None:
    text = stack_file({"core": {"attachments": ["vpc-a"]}, "rest": {"attachments": ["vpc-b"]}, "edge": EDGE})

    found = release(text, routers=("er-core",))

    assert routers_of(found) == {"edge": {**USUAL, **EDGE}}
    left = urns(found.remove_from(ALL_LOGGED))
    assert urns(ALL_LOGGED) - left == {component("er-1"), *(urn(f"{id_}-s") for id_ in "abcd")}


def test_only_router_stays_in_the_stack_file_and_selects_nothing() -> None:
    found = release(stack_file({"core": {}, "rest": {"log_stream": "other"}}), routers=("er-1",))
    assert [key["attachments"] for key in routers_of(found).values()] == [[], []]
    assert component("er-1") in urns(found.remove_from(ALL_LOGGED))


def test_what_was_interrupted_is_completed() -> None:
    text = stack_file({"core": {}, "edge": EDGE})
    whole = release(text, "vpc-a")
    after = whole.remove_from(ALL_LOGGED)

    second = release(text, "vpc-a", export=after)
    assert (second.flow_logs, second.text) == ({}, whole.text)
    third = release(whole.text, "vpc-a", export=after)
    assert (third.flow_logs, third.text) == ({}, whole.text)
    # Excluded by hand before.
    assert release(whole.text, "vpc-a").flow_logs == whole.flow_logs
    gone = release(release(text, routers=("er-edge",)).text, routers=("er-edge",), export=exported(resource("a")))
    assert gone.flow_logs == {}


def test_own_program_remembers_it_in_its_only_output() -> None:
    state = exported(resource("a"))
    state["deployment"]["resources"][0]["outputs"] = {"otc_flow_logs": OUTPUTS, "x": 1}
    after = release(stack_file({"core": {}}), "a", export=state).remove_from(state)["deployment"]["resources"][0]
    last = {"routers": {}, "forgotten": ["id-a-s", "id-z"]}
    listed = {"vpc-b": [{"id": "id-b-s"}]}
    assert after["outputs"] == {"otc_flow_logs": {"flow_logs": listed, "last_run": last}, "x": 1}


def test_state_of_an_earlier_version_is_refused() -> None:
    state = exported(resource("a"))
    state["deployment"]["resources"][0]["outputs"] = {"routers": {}}
    with pytest.raises(ForgetError, match="written by an earlier version: run `make up` first"):
        release(stack_file({"core": {}}), "a", export=state)


def test_flow_log_that_waits_to_be_deleted_stays_in_the_state() -> None:
    old = resource("a", stream="t", urn=urn("a-s"), delete=True)
    export = exported(resource("a"), old)
    assert old in release(stack_file({"core": {}}), "a", export=export).remove_from(export)["deployment"]["resources"]


@pytest.mark.parametrize(
    ("text", "export", "sentence"),
    [
        (stack_file({"core": {}}), exported(pending=[{"type": "updating"}]), "in progress or was interrupted"),
        (stack_file({"core": {}}), exported(resource("a", id=provisional_id())), "run `make refresh` first"),
        (stack_file({"core": {}}, rules={"every_attachment": True}), ALL_LOGGED, "rules.every_attachment"),
        (stack_file({"core": {"log_stream": "x"}}), ALL_LOGGED, "there is no log stream"),
        (
            yaml.safe_dump({"config": {"otc-flow-logs:routers": json.dumps({"core": USUAL})}}),
            ALL_LOGGED,
            "its routers must be a mapping",
        ),
    ],
)
def test_forgetting_is_refused(text: str, export: Export, sentence: str) -> None:
    with pytest.raises((ForgetError, StackError, EditError), match=sentence):
        release(text, "vpc-a", export=export)


def test_unknown_names_are_refused_together() -> None:
    with pytest.raises(ValueError, match=r"with id or name 'vpc-x'; known: .*vpc-a.*; .*'vpc-y'"):
        release(stack_file({"core": {}}), "vpc-x", "vpc-a", "vpc-y")
    with pytest.raises(ValueError, match="there is no router with id or name 'er-x'; known: er-core"):
        release(stack_file({"core": {}}), routers=("er-x",))
