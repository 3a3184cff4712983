"""Records are read from answers that may have anything in them."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from providers.er.attachments import Attachment
from providers.er.exceptions import ApiError, TemporaryError
from providers.er.flow_logs import FlowLog
from providers.er.limits import ID_PATTERN
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from providers.er.quotas import Quota
from providers.er.records import Line
from providers.er.routers import Router
from providers.er.validation import MAX_INTEGER, identifier, instant, optional, path_segment, required
from tests.unit.plans import flow_log

FLOW_LOG: dict[str, Any] = {
    "id": "fl-1",
    "name": "log",
    "description": "text",
    "project_id": "p",
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


def read_router(data: Any) -> Router:
    return Router.from_json(data, our_project="ours")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=5,
)
READERS: dict[str, tuple[Callable[[Any], Any], dict[str, Any], set[str]]] = {
    # What reads the record, a whole record, and the keys that it needs.
    "flow log": (
        lambda data: FlowLog.from_json("er-1", data, project_id="p"),
        FLOW_LOG,
        {"id", "resource_id", "log_group_id", "log_stream_id", "enabled"},
    ),
    "attachment": (Attachment.from_json, ATTACHMENT, {"id", "resource_type"}),
    "router": (read_router, {"id": "er-1", "name": "core", "state": "available"}, {"id"}),
    "log group": (
        LogGroup.from_json,
        {"log_group_id": "g", "log_group_name": "n", "ttl_in_days": 7, "tag": {}},
        {"log_group_id"},
    ),
    "log stream": (
        LogStream.from_json,
        {"log_stream_id": "s", "log_stream_name": "n", "ttl_in_days": 7, "tag": {}},
        {"log_stream_id"},
    ),
    "line": (Line.from_json, {"content": "c", "line_num": "1"}, {"content", "line_num"}),
    "quota": (Quota.from_json, {"quota_limit": -1, "used": 0}, {"quota_limit", "used"}),
}
IGNORED = ("resource_type", "log_store_type", "project_id")  # of a flow log: known without it


@pytest.mark.parametrize(
    ("value", "kind", "found"),
    [
        *((value, str, found) for value, found in ((None, "nothing"), (5.0, "float"), (True, "bool"), (b"x", "bytes"))),
        *((value, int, found) for value, found in (("5", "str"), (5.0, "float"), (True, "bool"))),
        *((value, bool, found) for value, found in ((1, "int"), ("true", "str"))),
        *(({}, list, "dict"), ([], dict, "list")),
    ],
)
def test_value_of_another_type_is_refused(value: Any, kind: type[Any], found: str) -> None:
    with pytest.raises(TemporaryError) as caught:
        required({"key": value}, "key", kind)
    assert str(caught.value) == f"the API's answer has {found} where 'key' should be {kind.__name__}"


@pytest.mark.parametrize("value", ["", 0, False, [], {}])
def test_empty_value_is_a_value(value: Any) -> None:
    assert required({"key": value}, "key", type(value)) == value
    assert optional({"key": value}, "key", value) == value


@pytest.mark.parametrize("record", [None, "text", 5, [], ["key"]])
def test_record_that_is_not_an_object_is_refused(record: Any) -> None:
    with pytest.raises(TemporaryError):
        required(record, "key", str)


@pytest.mark.parametrize("value", [MAX_INTEGER + 1, -(10**400), "a\ud800b"])
def test_value_that_a_state_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(TemporaryError, match="'key'"):
        required({"key": value}, "key", type(value))


def test_optional_value_may_be_absent_or_null_but_not_of_another_type() -> None:
    assert optional({}, "key", "default") == "default"
    assert optional({"key": None}, "key", "default") == "default"
    with pytest.raises(TemporaryError):
        optional({"key": 5.0}, "key", "default")


def test_integer_is_text_but_no_id() -> None:
    assert required({"key": 5}, "key", str) == optional({"key": 5}, "key", "") == "5"
    with pytest.raises(TemporaryError, match="no valid id in 'key'"):
        identifier({"key": 5}, "key")


@pytest.mark.parametrize(
    "time", ["2026-11-23T10:00:00Z", "2026-11-23 10:00:00Z", "2026-11-23T10:00:00", "2026-11-23 10:00:00.000Z"]
)
def test_time_of_any_form_is_the_same_instant(time: str) -> None:
    assert instant(time) == datetime(2026, 11, 23, 10, tzinfo=timezone.utc)
    assert instant(f"{time} or so") is None


@given(st.text() | st.text("ab/.%\n-_"))
@example("..")
@example("../flow-logs")
@example("%2e%2e")
@example("a\n")
@example("x" * 65)
def test_only_ids_become_part_of_a_path(text: str) -> None:
    if ID_PATTERN.fullmatch(text):
        assert identifier({"id": text}, "id") == path_segment(text) == text
    else:
        with pytest.raises(TemporaryError, match="no valid id in 'id': ids are 1 to 64 letters, digits, '_' and '-'"):
            identifier({"id": text}, "id")
        with pytest.raises(ApiError, match="is not an id: ids are 1 to 64 letters, digits, '_' and '-'") as caught:
            path_segment(text)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("kind", READERS)
def test_record_needs_its_keys_and_may_lack_others(kind: str) -> None:
    read, record, needed = READERS[kind]
    for key in record:
        lacking = {name: value for name, value in record.items() if name != key}
        if key in needed and not (kind == "flow log" and key in IGNORED):
            for wrong in (lacking, {**record, key: None}, {**record, key: object()}):
                with pytest.raises(TemporaryError, match=f"'{key}'"):
                    read(wrong)
        else:
            assert read(lacking) == read({**record, key: None})
    assert read({**record, "new": {}}) == read(record)


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=25)
@given(st.data())
def test_any_json_in_a_record_is_read_or_refused(kind: str, data: st.DataObject) -> None:
    read, record, _ = READERS[kind]
    key = data.draw(st.sampled_from([key for key in record if kind != "flow log" or key not in IGNORED]))
    value = data.draw(JSON)
    is_right = type(value) is type(record[key]) and (not isinstance(value, list) or not value)
    is_right |= type(value) is int and isinstance(record[key], str)
    with contextlib.suppress(TemporaryError):
        read({**record, key: value})
        assert is_right or value is None


def test_log_group_has_the_tags_of_people_and_the_token_of_its_create() -> None:
    tag = {"env": "prod", "empty": None, "_sys_enterprise_project_id": "0", "otc-flow-logs": "token"}
    found = LogGroup.from_json({"log_group_id": "g", "log_group_name": "n", "ttl_in_days": 7, "tag": tag})
    assert found == LogGroup(id="g", name="n", ttl_in_days=7, tags={"env": "prod", "empty": ""}, creation_token="token")
    wrongs: list[Any] = [{"env": []}, ["env"], "env"]
    for wrong in wrongs:
        with pytest.raises(TemporaryError):
            LogGroup.from_json({"log_group_id": "g", "log_group_name": "n", "tag": wrong})


def test_flow_log_is_read_whole() -> None:
    whole = flow_log(
        *("att-1", "log"), id_="fl-1", group="g-1", stream="s-1", description="text", created_at="2026-01-01T00:00:00Z"
    )
    for state in ("available", "of-a-later-version"):
        expected = replace(whole, state=state, updated_at="2026-01-02T00:00:00Z")
        assert FlowLog.from_json("er-1", {**FLOW_LOG, "state": state}, project_id="p") == expected


def test_attachment_has_its_tags_by_key_even_without_a_value() -> None:
    assert Attachment.from_json(ATTACHMENT).tags == {"env": "prod", "empty": "", "none": ""}


@pytest.mark.parametrize("tags", [["env"], [{}], [{"value": "x"}], [{"key": []}], [None], {"env": "prod"}, "env"])
def test_tags_of_another_form_are_refused(tags: Any) -> None:
    with pytest.raises(TemporaryError):
        Attachment.from_json({**ATTACHMENT, "tags": tags})


@pytest.mark.parametrize(("name", "shown"), [("core", "core"), ("", "er-1"), ("a\x1b[31m\nb", "a [31m b")])
def test_display_name_is_the_name_or_the_id(name: str, shown: str) -> None:
    assert read_router({"id": "er-1", "name": name}).display_name == shown


@pytest.mark.parametrize(("owner", "shared_by"), [("ours", ""), ("other", "other"), (None, ""), (5, "5")])
def test_router_of_another_project_is_shared(owner: object, shared_by: str) -> None:
    found = read_router({"id": "er-1", "project_id": owner})
    assert (found.shared_by, found.is_shared) == (shared_by, bool(shared_by))
