"""The records that flow logs write into log streams: reading a line, and asking a stream for them.

Sources: Enterprise Router user guide, "Viewing details about a flow log"; LTS API reference, "Querying logs".
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal, cast

from providers.er.calls import Calls
from providers.er.limits import ID_PATTERN
from providers.er.retry import Backoff
from providers.er.validation import Json, path_segment, required

FIELDS = (
    *("version", "project_id", "resource_id", "instance_id", "srcaddr", "dstaddr", "srcport", "dstport"),
    *("protocol", "packets", "bytes", "start", "end", "direct"),
)
"""What a line holds, in this order; a later version of the service may append others."""

PAGE_SIZE = 1000  # lines to request at once, of the 5000 that the service allows
MAX_SPAN_DAYS = 180  # that one query may cover

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_HIGHLIGHT = re.compile("</?HighLightTag>")
_NUMBER = re.compile("[0-9]{1,18}")


class RecordError(ValueError):
    """A line is not a record of a flow log; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What passed through an attachment in one aggregation interval, for one flow.

    Attributes:
        version: Of the format; 1 is known.
        project_id: The project of the flow log.
        resource_id: The attachment.
        instance_id: The router.
        srcaddr: Where the packets came from.
        dstaddr: Where they went.
        srcport: 0..65535; of ICMP, the type.
        dstport: 0..65535; of ICMP, the code.
        protocol: IANA number, 0..255.
        packets: How many.
        bytes: How many.
        start: When the interval began, in UTC.
        end: When it ended, in UTC.
        direct: `ingress`, into the attachment, or `egress`, out of it.
    """

    version: int
    project_id: str
    resource_id: str
    instance_id: str
    srcaddr: IpAddress
    dstaddr: IpAddress
    srcport: int
    dstport: int
    protocol: int
    packets: int
    bytes: int
    start: datetime
    end: datetime
    direct: Literal["ingress", "egress"]

    @classmethod
    def parse(cls, line: str) -> Record:
        """The record of a line, without the highlighting of a search.

        Raises:
            RecordError: It is not a record.
        """
        fields = dict(zip(FIELDS, _HIGHLIGHT.sub("", line).split(), strict=False))
        if len(fields) < len(FIELDS):
            raise RecordError(f"a record has {len(FIELDS)} fields, and this line has {len(fields)}")
        if fields["direct"] not in ("ingress", "egress"):
            raise RecordError("direct must be ingress or egress")
        return cls(
            version=_number(fields, "version"),
            project_id=_id(fields, "project_id"),
            resource_id=_id(fields, "resource_id"),
            instance_id=_id(fields, "instance_id"),
            srcaddr=_address(fields, "srcaddr"),
            dstaddr=_address(fields, "dstaddr"),
            srcport=_number(fields, "srcport", largest=65535),
            dstport=_number(fields, "dstport", largest=65535),
            protocol=_number(fields, "protocol", largest=255),
            packets=_number(fields, "packets"),
            bytes=_number(fields, "bytes"),
            start=_instant(fields, "start"),
            end=_instant(fields, "end"),
            direct=cast(Literal["ingress", "egress"], fields["direct"]),
        )


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a log stream, and its number, by which the service orders lines."""

    content: str
    number: str

    @classmethod
    def from_json(cls, data: Json) -> Line:
        """The line of an answer.

        Raises:
            TemporaryError: The answer does not have the form of the reference.
        """
        return cls(content=required(data, "content", str), number=required(data, "line_num", str))


def parse_records(lines: Iterable[Line]) -> Iterator[Record]:
    """The records among these lines; a stream may hold lines of others, too."""
    for line in lines:
        with contextlib.suppress(RecordError):
            yield Record.parse(line.content)


class Records:
    """The calls that ask log streams for their lines."""

    def __init__(self, calls: Calls, poll: Backoff) -> None:
        self._calls = calls
        self._poll = poll

    def lines(
        self,
        log_group_id: str,
        log_stream_id: str,
        *,
        since: datetime,
        until: datetime,
        keyword: str | None = None,
    ) -> Iterator[Line]:
        """The lines of a stream, the newest first, page by page: a caller who stops reading requests no further page.

        Args:
            log_group_id: The group of the stream.
            log_stream_id: The stream. It may hold lines of others than flow logs, too: see `Record.parse`.
            since: Where to begin; with a time zone, as `until`.
            until: Where to end, at most 180 days later.
            keyword: A word that a line must have, such as the id of an attachment.

        Raises:
            NotFoundError: There is no such group or stream.
            OperationStoppedError: The service did not complete the query in time.
            ApiError: It was refused.
        """
        body: dict[str, Any] = {
            "start_time": _milliseconds(since),
            "end_time": _milliseconds(until),
            "is_desc": True,
            "highlight": False,
            "limit": PAGE_SIZE,
            **({"keywords": keyword} if keyword else {}),
        }
        path = f"groups/{path_segment(log_group_id)}/streams/{path_segment(log_stream_id)}/content/query"
        seen: set[str] = set()
        while True:
            lines = self._complete(path, body)
            new = [line for line in lines if line.number not in seen]
            yield from new
            seen.update(line.number for line in new)
            if not new or len(lines) < PAGE_SIZE:
                return
            body |= {"line_num": lines[-1].number, "search_type": "forwards"}

    def _complete(self, path: str, body: Json) -> list[Line]:
        """The answer to a query, repeated until the service says that it is complete."""
        tries = 0
        while True:
            is_complete, lines = self._calls.lts("lts:logs:list", "POST", path, _parse, json=body)
            if is_complete:
                return lines
            tries += 1
            self._calls.deadline.sleep(self._poll(tries), waiting_for="the query of the log stream to be complete")


def _parse(answer: Json) -> tuple[bool, list[Line]]:
    lines = [Line.from_json(line) for line in required(answer, "logs", list)]
    return required(answer, "isQueryComplete", bool), lines


def _milliseconds(instant: datetime) -> str:
    return str(int(instant.timestamp() * 1000))


def _number(fields: dict[str, str], key: str, *, largest: int | None = None) -> int:
    if not _NUMBER.fullmatch(fields[key]) or (largest is not None and int(fields[key]) > largest):
        raise RecordError(f"{key} must be a number{'' if largest is None else f' from 0 to {largest}'}")
    return int(fields[key])


def _id(fields: dict[str, str], key: str) -> str:
    if not ID_PATTERN.fullmatch(fields[key]):
        raise RecordError(f"{key} must be an id")
    return fields[key]


def _address(fields: dict[str, str], key: str) -> IpAddress:
    try:
        return ipaddress.ip_address(fields[key])
    except ValueError as error:
        raise RecordError(f"{key} must be an IP address") from error


def _instant(fields: dict[str, str], key: str) -> datetime:
    try:
        return datetime.fromtimestamp(_number(fields, key), timezone.utc)
    except (ValueError, OverflowError, OSError) as error:
        raise RecordError(f"{key} must be a time in seconds since 1970") from error
