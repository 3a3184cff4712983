"""Reading the records of answers that may be mangled."""

from typing import Any

import pytest

from providers.er.attachments import Attachment
from providers.er.exceptions import TemporaryError
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.quotas import Quota
from providers.er.routers import Router
from providers.er.validation import optional, required

FLOW_LOG: dict[str, Any] = {
    "id": "fl-1",
    "name": "log",
    "description": "text",
    "project_id": "p-1",
    "resource_type": "attachment",
    "resource_id": "att-1",
    "log_group_id": "g-1",
    "log_stream_id": "s-1",
    "log_store_type": "LTS",
    "log_aggregation_interval": 600,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-02T00:00:00Z",
    "state": "available",
    "enabled": True,
}
ATTACHMENT: dict[str, Any] = {
    "id": "att-1",
    "name": "vpc",
    "state": "available",
    "resource_type": "vpc",
    "resource_id": "vpc-1",
    "tags": [{"key": "env", "value": "prod"}, {"key": "empty", "value": ""}, {"key": "none"}],
}


def without(record: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != key}


@pytest.mark.parametrize(
    ("value", "kind", "found"),
    [
        (None, str, "nothing"),
        (5, str, "int"),
        (True, str, "bool"),
        (b"x", str, "bytes"),
        ("5", int, "str"),
        (5.0, int, "float"),
        (True, int, "bool"),
        (False, int, "bool"),
        (1, bool, "int"),
        ("true", bool, "str"),
        ({}, list, "dict"),
        ([], dict, "list"),
    ],
)
def test_a_value_of_another_type_is_refused(value: Any, kind: type[Any], found: str) -> None:
    with pytest.raises(TemporaryError) as caught:
        required({"key": value}, "key", kind)
    assert str(caught.value) == f"the API's answer has {found} where 'key' should be {kind.__name__}"


@pytest.mark.parametrize("value", ["", 0, False, [], {}])
def test_an_empty_value_is_a_value(value: Any) -> None:
    assert required({"key": value}, "key", type(value)) == value


@pytest.mark.parametrize("record", [None, "text", 5, [], ["key"]])
def test_a_record_that_is_no_object_is_refused(record: Any) -> None:
    with pytest.raises(TemporaryError):
        required(record, "key", str)


def test_an_optional_value_may_be_absent_or_null_but_not_of_another_type() -> None:
    assert optional({}, "key", "default") == "default"
    assert optional({"key": None}, "key", "default") == "default"
    assert optional({"key": ""}, "key", "default") == ""
    assert optional({"key": 0}, "key", 7) == 0
    with pytest.raises(TemporaryError):
        optional({"key": 5}, "key", "default")


def test_a_flow_log_is_read_whole() -> None:
    assert FlowLog.from_json("er-1", FLOW_LOG) == FlowLog(
        id="fl-1",
        name="log",
        description="text",
        project_id="p-1",
        target=FlowLogTarget(er_id="er-1", resource_id="att-1", log_group_id="g-1", log_stream_id="s-1"),
        log_aggregation_interval=600,
        created_at="2026-01-01T00:00:00Z",
        updated_at="2026-01-02T00:00:00Z",
        state="available",
        enabled=True,
    )


@pytest.mark.parametrize("state", ["pending", "available", "deleted", "one-of-a-later-version"])
def test_a_flow_log_may_be_in_each_state_of_the_reference(state: str) -> None:
    assert FlowLog.from_json("er-1", {**FLOW_LOG, "state": state}).state == state


@pytest.mark.parametrize(
    "key", ["id", "name", "project_id", "resource_id", "log_group_id", "log_stream_id", "state", "enabled"]
)
def test_a_flow_log_without_what_makes_it_one_is_refused(key: str) -> None:
    for record in (without(FLOW_LOG, key), {**FLOW_LOG, key: None}, {**FLOW_LOG, key: []}):
        with pytest.raises(TemporaryError, match=f"'{key}'"):
            FlowLog.from_json("er-1", record)


@pytest.mark.parametrize("key", ["description", "log_aggregation_interval", "created_at", "updated_at"])
def test_a_flow_log_may_lack_what_nobody_acts_on(key: str) -> None:
    assert FlowLog.from_json("er-1", without(FLOW_LOG, key)) == FlowLog.from_json("er-1", {**FLOW_LOG, key: None})


def test_fields_that_a_later_version_adds_are_no_harm() -> None:
    assert FlowLog.from_json("er-1", {**FLOW_LOG, "log_store_name": "x", "new": {}}).id == "fl-1"


def test_an_attachment_has_its_tags_by_key_also_those_without_a_value() -> None:
    assert Attachment.from_json(ATTACHMENT).tags == {"env": "prod", "empty": "", "none": ""}


@pytest.mark.parametrize("key", ["name", "resource_id", "tags"])
def test_an_attachment_may_lack_name_resource_and_tags(key: str) -> None:
    assert Attachment.from_json(without(ATTACHMENT, key)) == Attachment.from_json({**ATTACHMENT, key: None})


@pytest.mark.parametrize("key", ["id", "state", "resource_type"])
def test_an_attachment_without_what_is_decided_by_is_refused(key: str) -> None:
    with pytest.raises(TemporaryError, match=f"'{key}'"):
        Attachment.from_json(without(ATTACHMENT, key))


@pytest.mark.parametrize("tags", [["env"], [{}], [{"value": "x"}], [{"key": 5}], [None], {"env": "prod"}, "env"])
def test_tags_that_are_none_are_refused(tags: Any) -> None:
    with pytest.raises(TemporaryError):
        Attachment.from_json({**ATTACHMENT, "tags": tags})


def test_a_router_needs_only_an_id() -> None:
    assert Router.from_json({"id": "er-1"}) == Router(id="er-1", name="", state="")
    with pytest.raises(TemporaryError):
        Router.from_json({"name": "core"})


def test_a_quota_has_a_limit_and_what_is_used() -> None:
    assert Quota.from_json({"quota_key": "flow_log", "quota_limit": -1, "used": 0}) == Quota(limit=-1, used=0)
    for record in ({"quota_limit": "20", "used": 0}, {"quota_limit": 20}, {}):
        with pytest.raises(TemporaryError):
            Quota.from_json(record)
