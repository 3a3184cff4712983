"""The stack's outputs, and what the next run reads back from them."""

import json
from typing import Any

import pytest
from stacks.discovery import RouterPlan, WantedFlowLog
from stacks.outputs import Loss, OutputsError, PreviousRouter, leaving, outputs, previous

from providers.er.attachments import Attachment
from providers.er.flow_logs import FlowLogTarget
from providers.er.routers import Router
from stacks import program
from stacks.config import RouterConfig
from stacks.planning.selection import select


def attachment(id_: str, name: str, type_: str = "vpc", state: str = "available") -> Attachment:
    return Attachment(id=id_, name=name, state=state, resource_type=type_, resource_id="r", tags={})


SHOP, DATA, UNNAMED = attachment("id-shop", "vpc-shop"), attachment("id-data", "vpc-data"), attachment("id-x", "")
FIREWALL = attachment("id-fw", "fw", "cfw")


def plan(
    *attachments: Attachment, wanted: object = "all", disabled: tuple[str, ...] = (), seen: tuple[str, ...] = ()
) -> RouterPlan:
    config = RouterConfig.model_validate(
        {"router": "core", "log_group": "g", "log_stream": "s", "attachments": wanted},
    )
    selected = select("core", config, attachments, seen_before=seen)
    assert selected.problems == []
    return RouterPlan(
        key="core",
        router=Router(id="er-1", name="er-core", state="available"),
        attachments=list(attachments),
        selected=selected,
        flow_logs=[
            WantedFlowLog(
                attachment=one,
                target=FlowLogTarget(er_id="er-1", resource_id=one.id, log_group_id="g-1", log_stream_id="s-1"),
                name=f"core-{one.id}",
                description="",
                enabled=one.id not in disabled,
                log_group="network",
                log_stream="er",
            )
            for one in selected.logged
        ],
    )


LOSS = Loss("core: vpc-gone", "er-1", "id-gone", "core-vpc-gone")


def outputs_of(plan_: RouterPlan) -> dict[str, Any]:
    return outputs([plan_], {plan_.key: {"old-key"}}, [LOSS])


def test_outputs_tell_of_every_attachment_whether_and_where_it_is_logged() -> None:
    assert outputs_of(plan(SHOP, DATA, FIREWALL, wanted=["vpc-shop", "fw"])) == {
        "routers": {
            "core": {
                "router": {"id": "er-1", "name": "er-core"},
                "attachments": {
                    "id-shop": {
                        "name": "vpc-shop",
                        "type": "vpc",
                        "state": "available",
                        "logs_to": "network/er",
                        "enabled": True,
                    },
                    "id-data": {
                        "name": "vpc-data",
                        "type": "vpc",
                        "state": "available",
                        "not_logged": "is not selected",
                    },
                    "id-fw": {
                        "name": "fw",
                        "type": "cfw",
                        "state": "available",
                        "not_logged": "is of type cfw, which cannot be logged",
                    },
                },
                "gone": [],
                "former_keys": ["old-key"],
                "flow_logs": {"id-shop": "core-id-shop"},
                "coverage": {
                    "logged": 1,
                    "loggable": 2,
                    "skipped": {"id-fw": "is of type cfw, which cannot be logged"},
                },
            }
        },
        "leaving": [
            {"label": "core: vpc-gone", "router_id": "er-1", "attachment_id": "id-gone", "flow_log": "core-vpc-gone"}
        ],
        "coverage": {"logged": 1, "loggable": 2, "skipped_count": 1},
    }


def test_a_disabled_flow_log_does_not_count_as_logged() -> None:
    found = outputs_of(plan(SHOP, DATA, disabled=("id-shop",)))
    assert found["coverage"] == {"logged": 1, "loggable": 2, "skipped_count": 0}


def test_two_skipped_attachments_of_one_name_both_count() -> None:
    found = outputs_of(plan(FIREWALL, attachment("id-fw-2", "fw", "cfw")))
    assert found["coverage"]["skipped_count"] == 2


def test_what_one_run_was_to_delete_the_next_reads_back() -> None:
    assert leaving(json.loads(json.dumps(outputs_of(plan(SHOP))))) == [LOSS]
    assert leaving({}) == []
    for foreign in ({"leaving": [5]}, {"leaving": [{"label": "x"}]}, {"leaving": 5}):
        with pytest.raises(OutputsError):
            leaving(foreign)


def test_outputs_are_plain_json() -> None:
    found = outputs_of(plan(SHOP, UNNAMED, FIREWALL))
    assert json.loads(json.dumps(found)) == found


def test_what_one_run_puts_out_the_next_reads_back() -> None:
    found = outputs_of(plan(SHOP, UNNAMED, FIREWALL))
    assert previous(json.loads(json.dumps(found))) == {
        "core": PreviousRouter(
            router_id="er-1",
            attachments={"id-shop": "vpc-shop", "id-x": "", "id-fw": "fw"},
            logged={"id-shop": "core-id-shop", "id-x": "core-id-x"},
            logs_to={"id-shop": "network/er", "id-x": "network/er"},
            former_keys=frozenset({"old-key"}),
        )
    }


def test_an_attachment_that_is_listed_and_gone_is_still_known_at_the_run_after_next() -> None:
    first = plan(SHOP, wanted=["vpc-shop", "vpc-old"], seen=("vpc-old",))
    assert "vpc-old" in previous(outputs_of(first))["core"].called


@pytest.mark.parametrize("none", [{}, {"routers": {}}, {"coverage": {}}, {"other": 1}])
def test_a_stack_without_an_earlier_run_has_no_previous_routers(none: dict[str, Any]) -> None:
    assert previous(none) == {}


@pytest.mark.parametrize(
    "foreign",
    [
        {"routers": None},
        {"routers": []},
        {"routers": "core"},
        {"routers": {"core": None}},
        {"routers": {"core": {}}},
        {"routers": {"core": {"router": "er-1"}}},
        {"routers": {"core": {"router": {"id": "er-1"}}}},
        {"routers": {"core": {"router": {"id": "er-1"}, "attachments": ["a"], "flow_logs": {}}}},
        {"routers": {"core": {"router": {"id": "er-1"}, "attachments": {"a": {}}, "flow_logs": {}}}},
        {"routers": {"core": {"router": {"id": "er-1"}, "attachments": {"a": "name"}, "flow_logs": ["a"]}}},
    ],
)
def test_outputs_of_another_shape_are_no_memory_or_a_clear_error_but_never_a_crash(foreign: dict[str, Any]) -> None:
    try:
        found = previous(foreign)
    except OutputsError:
        return
    assert all(isinstance(router, PreviousRouter) for router in found.values())


def test_what_a_failed_run_exports_again_is_what_outputs_are_made_of() -> None:
    assert set(outputs([], {}, [])) == set(program.OURS)
