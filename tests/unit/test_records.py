"""The reader of flow logs' records."""

from __future__ import annotations

import contextlib
from datetime import datetime, timezone
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.er import Record, RecordError
from providers.er.records import FIELDS

# The example of the user guide, "Viewing details about a flow log": a ping.
PING = (
    "1 0605768ad980d5762f8ac010b919754c 9e00a67c-b21e-435f-9da6-20004b8392e9 a5cbd16c-7d99-4000-8f14-526ec48298ce"
    " 192.168.1.199 1.1.1.1 8 0 1 229 22442 1664007127 1664007727 egress"
)
RECORD = Record(
    version=1,
    project_id="0605768ad980d5762f8ac010b919754c",
    resource_id="9e00a67c-b21e-435f-9da6-20004b8392e9",
    instance_id="a5cbd16c-7d99-4000-8f14-526ec48298ce",
    srcaddr=IPv4Address("192.168.1.199"),
    dstaddr=IPv4Address("1.1.1.1"),
    srcport=8,
    dstport=0,
    protocol=1,
    packets=229,
    bytes=22442,
    start=datetime(2022, 9, 24, 8, 12, 7, tzinfo=timezone.utc),
    end=datetime(2022, 9, 24, 8, 22, 7, tzinfo=timezone.utc),
    direct="egress",
)


def with_field(name: str, value: str) -> str:
    fields = PING.split()
    fields[FIELDS.index(name)] = value
    return " ".join(fields)


@pytest.mark.parametrize(
    "line",
    [
        PING,
        f"{PING}\n",
        f"{PING} a-field-of-a-later-version 5",
        PING.replace(RECORD.resource_id, f"<HighLightTag>{RECORD.resource_id}</HighLightTag>"),
        PING.replace("egress", "<HighLightTag>egress</HighLightTag>"),
    ],
)
def test_record_is_read_without_highlights_and_new_fields(line: str) -> None:
    assert Record.parse(line) == RECORD


def test_addresses_may_be_of_version_6() -> None:
    assert Record.parse(with_field("srcaddr", "2001:db8::1")).srcaddr == IPv6Address("2001:db8::1")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        *((name, "-1", f"{name} must be a number") for name in ("version", "packets", "bytes")),
        *((name, "65536", f"{name} must be a number from 0 to 65535") for name in ("srcport", "dstport")),
        ("protocol", "256", "protocol must be a number from 0 to 255"),
        ("protocol", "tcp", "protocol must be a number from 0 to 255"),
        *((name, "1.1.1", f"{name} must be an IP address") for name in ("srcaddr", "dstaddr")),
        *((name, "../x", f"{name} must be an id") for name in ("project_id", "resource_id", "instance_id")),
        *((name, "now", f"{name} must be a time in seconds since 1970") for name in ("start", "end")),
        ("start", "9" * 18, "start must be a time in seconds since 1970"),
        ("direct", "up", "direct must be ingress or egress"),
        ("packets", "٣", "packets must be a number"),
    ],
)
def test_field_of_another_form_is_refused(name: str, value: str, reason: str) -> None:
    with pytest.raises(RecordError) as caught:
        Record.parse(with_field(name, value))
    assert str(caught.value) == reason


@pytest.mark.parametrize("line", ["", "ERROR something failed", " ".join(PING.split()[:-1])])
def test_line_of_something_else_is_refused(line: str) -> None:
    with pytest.raises(RecordError, match="a record has 14 fields, and this line has"):
        Record.parse(line)


@given(st.text() | st.lists(st.text(), min_size=14, max_size=16).map(" ".join))
def test_any_line_is_read_or_refused(line: str) -> None:
    with contextlib.suppress(RecordError):
        Record.parse(line)
