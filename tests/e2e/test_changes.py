"""Changes of the stack file and of the cloud, with the real `pulumi`: none interrupts the record of an attachment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator.faults.plan import Fault
from tests.e2e.harness import FLOW_LOG, QUICK, Cloud, Project, assert_converged, assert_same_flow_logs, serving

STATE_BY_KEY = Path(__file__).with_name("state_by_key.json")
"""The state of a stack that was made by version 0.1, which named flow logs by the router's key."""

CREATE = "POST */flow-logs"
CORE = ["vpc-data-platform", "vpc-payments", "vpc-shop", "vpc-shop-staging", "vpn-office-bonn", "vgw-direct-connect"]
EDGE = ["vpc-edge-proxy", "vpc-partner-portal", "vpn-office-hamburg", "vgw-colocation-munich"]
ARCHIVE = "er-flow-logs-archive"


@pytest.fixture
def cloud(project: Project) -> Iterator[Cloud]:
    """An emulator in this process, in which anything can be made to fail."""
    with serving(project.directory / "changes.db", latency=0.05) as cloud:
        project.use_cloud(cloud)
        yield cloud


@pytest.fixture
def embedded(project: Project) -> Iterator[Cloud]:
    """The cloud of the project's embedded emulator."""
    with serving(project.database) as cloud:
        yield cloud


@contextmanager
def no_gaps(cloud: Cloud, *attachments: str) -> Iterator[None]:
    """The attachments are logged at every instant of the block."""
    since = cloud.now()
    yield
    assert cloud.server.store.gaps(since=since, attachments=attachments) == []


def set_routers(project: Project, **routers: Any) -> None:
    usual = {"router": "er-core", "log_group": "network"}
    project.change_config(routers={key: {**usual, **router} for key, router in routers.items()})


def urn(project: Project, cloud: Cloud, attachment: str) -> str:
    id_ = cloud.flow_log_of(attachment)["id"]
    found: str = project.flow_logs()[id_]["urn"]
    return found


def test_moving_a_stream_makes_new_flow_logs_before_it_deletes(project: Project, cloud: Cloud) -> None:
    project.up()
    before = cloud.flow_logs().keys()

    project.change_router("core", log_stream=ARCHIVE)
    with no_gaps(cloud, *CORE, *EDGE):
        output = project.up()

    assert "vpc-shop moves from network/er-flow-logs to network/er-flow-logs-archive" in output
    assert "6 created" in output
    assert "6 deleted" in output
    assert len(before - cloud.flow_logs().keys()) == len(CORE)
    assert_converged(project, cloud)


def test_a_move_in_which_a_create_fails_deletes_nothing(project: Project, cloud: Cloud) -> None:
    project.up()
    before = cloud.flow_logs().keys()

    project.change_router("core", log_stream=ARCHIVE)
    cloud.server.faults.use(0, [Fault("error", calls=CREATE, status=403, skip=3)])
    with no_gaps(cloud, *CORE):
        project.expect_error("up", *QUICK)
        assert before <= cloud.flow_logs().keys()

        cloud.server.faults.use(0, [])
        project.up("--refresh")
    assert_converged(project, cloud)


@pytest.mark.acceptance
def test_a_failed_create_keeps_the_old_flow_log_with_continue_on_error(project: Project, cloud: Cloud) -> None:
    project.up()
    old = cloud.flow_log_of("vpc-shop")["id"]

    project.change_router("core", log_stream=ARCHIVE)
    cloud.server.faults.use(0, [Fault("fail", calls=CREATE, times=1)])
    with no_gaps(cloud, *CORE):
        said = project.expect_error("up", *QUICK, PULUMI_CONTINUE_ON_ERROR="true")
        assert "it failed, or --target left it out" in " ".join(said.split())

        cloud.server.faults.use(0, [])
        project.up("--refresh")
    assert old not in cloud.flow_logs()
    assert_converged(project, cloud)


def test_a_new_router_that_others_log_refuses_the_whole_run(project: Project, cloud: Cloud) -> None:
    set_routers(project, core={})
    project.up()
    cloud.log("vpc-edge-proxy", "of-somebody-else")
    cloud.complete_operations()
    before = cloud.flow_logs()

    set_routers(project, core={"log_stream": ARCHIVE}, edge={"router": "er-edge"})
    for command in (("preview",), ("up", *QUICK)):
        assert "vpc-edge-proxy (of-somebody-else" in project.expect_error(*command)

    assert cloud.flow_logs() == before
    set_routers(project, core={"log_stream": ARCHIVE}, edge={"router": "er-edge", "adopt": True})
    with no_gaps(cloud, *CORE, "vpc-edge-proxy"):
        project.up()
    assert_same_flow_logs(project, cloud)


def test_a_move_that_the_quota_has_no_room_for_is_refused_with_numbers(project: Project, cloud: Cloud) -> None:
    project.up()
    cloud.server.store.set_quota(12)
    before = cloud.flow_logs()

    project.change_router("core", log_stream=ARCHIVE)
    for command in (("preview",), ("up", *QUICK)):
        said = " ".join(project.expect_error(*command).split())
        assert "flow logs to be created: 6, 6 of them in place of others" in said
        assert "the quota has room for 2: 10 of 12 are in use" in said
        assert "or move 2 at a time, with overrides" in said
    assert cloud.flow_logs() == before

    with no_gaps(cloud, *CORE):
        for count in (2, 4, 6):
            project.change_router(
                "core",
                log_stream="er-flow-logs" if count < 6 else ARCHIVE,
                overrides={name: {"log_stream": ARCHIVE} for name in CORE[:count]},
            )
            project.up()
    assert_converged(project, cloud)


def test_a_protected_flow_log_moves_when_that_is_lifted(project: Project, cloud: Cloud) -> None:
    project.change_router("core", protect=True)
    project.up()
    before = cloud.flow_logs()

    project.change_router("core", log_stream=ARCHIVE)
    with no_gaps(cloud, *CORE):
        for command in (("preview",), ("up", *QUICK)):
            said = " ".join(project.expect_error(*command).split())
            assert "routers.core.protect in stacks/Pulumi.local.yaml: protected flow logs would be deleted" in said
        assert cloud.flow_logs() == before

        project.change_router("core", log_stream="er-flow-logs", protect=False)
        project.up()
        project.change_router("core", log_stream=ARCHIVE, protect=True)
        project.up()
    assert_converged(project, cloud)


def test_a_refused_create_with_continue_on_error_deletes_nothing(project: Project, cloud: Cloud) -> None:
    project.up()
    before = cloud.flow_logs().keys()

    project.change_router("core", log_stream=ARCHIVE)
    cloud.server.faults.use(0, [Fault("error", calls=CREATE, status=403, times=1)])
    with no_gaps(cloud, *CORE):
        said = project.expect_error("up", *QUICK, PULUMI_CONTINUE_ON_ERROR="true")
        assert "it failed, or --target left it out" in said
        assert before <= cloud.flow_logs().keys()

        cloud.server.faults.use(0, [])
        project.up("--refresh")
    assert_converged(project, cloud)


def two_keys(project: Project) -> None:
    audited = ["vpc-shop", "vpc-payments"]
    set_routers(project, core={"attachments": audited}, audit={"attachments": audited, "log_stream": ARCHIVE})


def test_one_of_two_keys_goes_and_the_other_takes_its_stream(project: Project, cloud: Cloud) -> None:
    two_keys(project)
    project.up()
    archive = {one["id"] for one in cloud.flow_logs().values() if one["name"].startswith("audit")}

    set_routers(project, core={"attachments": ["vpc-shop", "vpc-payments"], "log_stream": ARCHIVE})
    with no_gaps(cloud, "vpc-shop", "vpc-payments"):
        output = project.up()

    assert "2 deleted" in output
    assert "created" not in output.split("Resources:")[1]
    assert cloud.flow_logs().keys() == archive
    assert_converged(project, cloud)


@pytest.mark.parametrize("parallel", ["1", pytest.param("128", marks=pytest.mark.acceptance)])
def test_two_keys_that_swap_their_streams_have_nothing_to_do(parallel: str, project: Project, cloud: Cloud) -> None:
    two_keys(project)
    project.up()
    before = cloud.flow_logs()

    routers = project.config()["routers"]
    routers["core"]["log_stream"], routers["audit"]["log_stream"] = ARCHIVE, "er-flow-logs"
    project.change_config(routers=routers)

    assert "7 unchanged" in project.up(PULUMI_PARALLEL=parallel)
    assert cloud.flow_logs() == before


def test_keys_are_renamed_merged_split_and_swapped_with_nothing_to_do(project: Project, cloud: Cloud) -> None:
    first, second = CORE[:3], CORE[3:]
    set_routers(project, core={"attachments": first}, extra={"attachments": second}, edge={"router": "er-edge"})
    project.up()
    before = cloud.flow_logs()
    edge = {"router": "er-edge"}

    for routers in (
        {"backbone": {"attachments": first}, "extra": {"attachments": second}, "edge": edge},
        {"backbone": {}, "edge": edge},
        {"a": {"attachments": CORE[:1]}, "b": {"attachments": CORE[1:]}, "edge": edge},
        {"edge": {}, "a": edge},
        {"core": {"attachments": first}, "extra": {"attachments": second}, "edge": edge},
    ):
        set_routers(project, **routers)
        assert "14 unchanged" in project.up(PULUMI_CONTINUE_ON_ERROR="true")
        assert cloud.flow_logs() == before
    project.expect_no_changes()


@pytest.mark.acceptance
def test_merging_into_a_key_with_other_settings_changes_those_in_place(project: Project, cloud: Cloud) -> None:
    set_routers(project, core={"attachments": CORE[:3]}, extra={"attachments": CORE[3:], "description": "extra"})
    project.up()
    before = cloud.flow_logs().keys()

    set_routers(project, core={"description": "core"})
    with no_gaps(cloud, *CORE):
        assert "6 updated" in project.up()

    assert cloud.flow_logs().keys() == before
    assert_converged(project, cloud)


def test_a_renamed_attachment_keeps_its_flow_log_and_settings(project: Project, cloud: Cloud) -> None:
    names = ["vpc-shop", "vpc-payments", "vpn-office-bonn"]
    overrides = {"vpc-payments": {"log_stream": ARCHIVE}}
    set_routers(project, core={"attachments": names, "overrides": overrides}, rest={"attachments": {"exclude": names}})
    project.up()
    before = {id_: one["log_stream_id"] for id_, one in cloud.flow_logs().items()}
    for name in names:
        cloud.server.store.rename_attachment(name, f"{name}-2")

    for command in (("preview",), ("up", *QUICK), ("preview",)):
        said = " ".join(project.expect_ok(*command).split())
        assert "'vpc-payments' is named 'vpc-payments-2' now: its flow log and settings stay; write" in said

    assert {id_: one["log_stream_id"] for id_, one in cloud.flow_logs().items()} == before
    # A name in the template follows the console.
    assert cloud.flow_log_of("vpc-shop-2")["name"].startswith("core-vpc-shop-2-")
    project.expect_no_changes()


def test_a_name_that_passed_to_another_attachment_is_refused(project: Project, cloud: Cloud) -> None:
    set_routers(project, core={"attachments": ["vpc-shop"]})
    project.up()
    before = cloud.flow_logs()
    store = cloud.server.store
    shop, payments = store.attachment("vpc-shop").id, store.attachment("vpc-payments").id
    store.rename_attachment(shop, "vpc-old-shop")
    store.rename_attachment(payments, "vpc-shop")

    for command in (("preview",), ("up", *QUICK)):
        said = " ".join(project.expect_error(*command).split())
        assert f"'vpc-shop' meant the attachment {shop}, which is named 'vpc-old-shop' now" in said
        assert f"the name has passed to {payments}: write the id" in said
    assert cloud.flow_logs() == before

    set_routers(project, core={"attachments": [shop]})
    project.up()
    assert cloud.flow_logs().keys() == before.keys()


def test_another_glob_does_not_delete_half_of_the_flow_logs(project: Project, cloud: Cloud) -> None:
    set_routers(project, core={"attachments": {"names": ["vpc-*"]}})
    project.up()
    before = cloud.flow_logs()

    set_routers(project, core={"attachments": {"names": ["vpn-*"]}})
    for command in (("preview",), ("up", *QUICK)):
        said = " ".join(project.expect_error(*command).split())
        assert "4 of 4 attachments would lose their flow log, but at most 1 may" in said
        assert 'since the stack file says routers.core.attachments: {"names": ["vpn-*"]}' in said
    assert cloud.flow_logs() == before


def test_a_tag_changed_in_the_console_is_the_reason_that_is_given(project: Project, cloud: Cloud) -> None:
    set_routers(project, core={"attachments": {"tags": {"env": "prod"}}})
    project.up()
    cloud.server.store.tag_attachment("vpc-shop", {"env": "staging"})

    for command in (("preview",), ("up", *QUICK)):
        said = " ".join(project.expect_ok(*command).split())
        assert (
            "er-core: vpc-shop loses its flow log to network/er-flow-logs: is no longer selected because its tag 'env'"
            " is now 'staging' (was 'prod')"
        ) in said
    assert_converged(project, cloud)


def test_the_guard_names_what_loses_its_record_and_not_what_moves(project: Project, cloud: Cloud) -> None:
    two_keys(project)
    project.up()

    project.change_config(max_deletes=0)
    set_routers(project, core={"attachments": ["vpc-shop"]}, moved={"router": "er-edge"})
    said = " ".join(project.expect_error("up", *QUICK).split())

    assert "1 of 2 attachments would lose their flow log, but at most 0 may: er-core: vpc-payments (" in said


@pytest.mark.acceptance
def test_an_attachment_that_is_gone_does_not_count_for_the_guard(project: Project, cloud: Cloud) -> None:
    project.change_config(max_deletes=0)
    project.up()
    cloud.server.store.remove_attachment("vpc-shop")

    output = " ".join(project.up("--refresh").split())

    assert "vpc-shop loses its flow log to network/er-flow-logs: the attachment is gone" in output
    assert_converged(project, cloud)


def test_a_key_may_pass_to_another_router(project: Project, cloud: Cloud) -> None:
    set_routers(project, one={}, two={"router": "er-edge"})
    project.up()
    before = cloud.flow_logs()

    set_routers(project, one={"router": "er-edge"}, two={})
    assert "14 unchanged" in project.up()
    assert cloud.flow_logs() == before


def test_target_must_not_leave_out_what_takes_the_place_of_another(project: Project, cloud: Cloud) -> None:
    project.up()
    old = urn(project, cloud, "vpc-shop")

    project.change_router("core", overrides={"vpc-shop": {"log_stream": ARCHIVE}})
    with no_gaps(cloud, *CORE):
        said = " ".join(project.expect_error("up", *QUICK, "--target", old).split())
        assert "it failed, or --target left it out" in said
        new = said.partition("add --target '")[2].partition("'")[0]
        project.up("--target", old, "--target", new)
    assert_converged(project, cloud)


@pytest.mark.acceptance
def test_renamed_keys_and_target_leave_the_state_readable(project: Project, cloud: Cloud) -> None:
    project.up()
    target = urn(project, cloud, "vpc-shop")
    routers = project.config()["routers"]
    routers["backbone"] = {**routers.pop("core"), "description": "changed"}
    project.change_config(routers=routers)

    project.up("--target", target)
    project.up("--refresh")

    assert_converged(project, cloud)


def test_a_forced_replacement_keeps_a_good_flow_log(project: Project, cloud: Cloud) -> None:
    project.up()
    before = cloud.flow_logs()

    with no_gaps(cloud, *CORE):
        project.up("--replace", urn(project, cloud, "vpc-shop"))

    assert cloud.flow_logs() == before
    assert_converged(project, cloud)


@pytest.mark.acceptance
def test_a_forced_replacement_of_a_failed_flow_log_ends_with_a_good_one(project: Project, cloud: Cloud) -> None:
    project.up()
    flow_log = cloud.flow_log_of("vpc-shop")["id"]
    cloud.server.store.set_flow_log_state(flow_log, "failed")

    project.pulumi("up", *QUICK, "--replace", urn(project, cloud, "vpc-shop"))
    project.up("--refresh")

    assert cloud.flow_log_of("vpc-shop")["id"] != flow_log
    assert cloud.flow_log_of("vpc-shop")["state"] == "available"
    assert_converged(project, cloud)


@pytest.mark.acceptance
def test_of_two_flow_logs_one_is_disabled_when_the_other_is_enabled(project: Project, cloud: Cloud) -> None:
    names = ["vpc-shop", "vpc-payments"]
    set_routers(
        project,
        core={"attachments": names},
        audit={"attachments": names, "log_stream": ARCHIVE, "enabled": False},
    )
    project.up()

    with no_gaps(cloud, *names):
        project.change_router("core", enabled=False)
        project.change_router("audit", enabled=True)
        project.up()
    assert_converged(project, cloud)


@pytest.mark.acceptance
def test_a_frozen_attachment_keeps_its_flow_log_and_gets_no_new_one(project: Project, cloud: Cloud) -> None:
    set_routers(project, core={"attachments": {"exclude": ["vpn-office-bonn"]}})
    project.up()
    cloud.server.store.set_attachment_state("vpc-shop", "freezed")
    cloud.server.store.set_attachment_state("vpn-office-bonn", "freezed")

    with no_gaps(cloud, *CORE[:4]):
        set_routers(project, core={})
        assert "vpn-office-bonn is frozen, so no flow log of it can be made" in project.up()
        set_routers(project, core={"log_stream": ARCHIVE})
        assert "attachment 'vpc-shop' is frozen" in project.expect_error("up", *QUICK)
        set_routers(project, core={"log_stream": ARCHIVE, "overrides": {"vpc-shop": {"log_stream": "er-flow-logs"}}})
        project.up()
    assert_same_flow_logs(project, cloud)


def test_state_by_key_is_carried_over_and_nothing_changes(project: Project, embedded: Cloud) -> None:
    cloud = embedded  # whose address the state has
    set_routers(
        project,
        core={"description": "Everything that passes the core router"},
        audit={"log_stream": ARCHIVE, "attachments": ["vpc-shop", "vpc-payments"]},
        perimeter={"router": "er-edge", "overrides": {"vpc-partner-portal": {"log_stream": ARCHIVE}}},
    )
    put_into_cloud(project, cloud, json.loads(STATE_BY_KEY.read_text()))
    before = cloud.flow_logs()

    output = project.up("--refresh", "--suppress-outputs")

    changed = [
        line for line in output.splitlines() if re.match(r" *([~+-]|--|\+\+) .*er:FlowLog .*(cre|upd|del|repl)", line)
    ]
    assert changed == []

    assert cloud.flow_logs() == before
    assert_converged(project, cloud)
    with no_gaps(cloud, "vpc-shop"):
        project.change_router("audit", attachments=["vpc-payments"])
        assert "1 deleted" in project.up("--refresh")
    assert_converged(project, cloud)


def put_into_cloud(project: Project, cloud: Cloud, export: dict[str, Any]) -> None:
    """Import a state, and have somebody make the flow logs that it has."""
    store = cloud.server.store
    names = {one.id: one.name for one in store.network.all_attachments()}
    group = store.log_group("network")
    streams = {one.id: one.name for one in store.log_tank.streams(group.project_id, group.id)}
    for resource in export["deployment"]["resources"]:
        if resource["type"] != FLOW_LOG:
            continue
        wanted = resource["inputs"]
        stream = f"network/{streams[wanted['log_stream_id']]}"
        attachment = names[wanted["resource_id"]]
        resource["id"] = cloud.log(attachment, wanted["name"], stream=stream, description=wanted["description"])
    cloud.complete_operations()
    for resource in export["deployment"]["resources"]:
        if resource["type"] == FLOW_LOG:
            made = cloud.flow_logs()[resource["id"]]
            resource["outputs"] |= {key: made[key] for key in ("created_at", "updated_at")}
    file = project.directory / "state.json"
    file.write_text(json.dumps(export))
    project.expect_ok("stack", "import", "--file", str(file))
