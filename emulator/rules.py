"""Every limit and literal of the API reference, each written down once, and the checks that use them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from emulator.errors import invalid

# API reference: create flow log.
NAME_PATTERN = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
DESCRIPTION_LENGTH = 255
RESOURCE_TYPE = "attachment"
LOG_STORE_TYPE = "LTS"
CLIENT_TOKEN_LENGTH = 64
LOG_AGGREGATION_INTERVAL = 600

# API reference: attachments, routers, quotas.
# Those after cfw are seen in the vendor's SDKs.
AttachmentType = Literal["vpc", "vgw", "vpn", "cfw", "peering", "ecn", "dgw", "can", "connect", "dc"]
RouterState = Literal["pending", "available", "modifying", "deleting", "deleted", "failed", "freezed"]
AttachmentState = Literal[
    "pending",
    "available",
    "modifying",
    "deleting",
    "deleted",
    "failed",
    "pending_acceptance",
    "rejected",
    "initiating_request",
    "freezed",
    "invalid",
]
ATTACHMENT_TYPES: tuple[str, ...] = get_args(AttachmentType)
FOREIGN_TYPES = ("peering", "can", "connect", "dc", "dgw", "ecn")  # that SDKs know; no attachment here has one
LOGGABLE_TYPES = ("vpc", "vgw", "vpn")
ROUTER_STATES: tuple[str, ...] = get_args(RouterState)
ATTACHMENT_STATES: tuple[str, ...] = get_args(AttachmentState)
AVAILABLE: Literal["available"] = "available"
FROZEN = "freezed"
FLOW_LOG_QUOTA = "flow_log"
QUOTAS = (
    FLOW_LOG_QUOTA,
    "er_instance",
    "vpc_attachment",
    "vpn_attachment",
    "dc_attachment",
    "peering_attachment",
    "can_attachment",
    "connect_attachment",
    "multicast_domain",
    "multicast_domain_association",
    "route_table",
    "static_route",
    "vpc_er",
)
DEFAULT_QUOTA = 20
UNLIMITED = -1

# LTS API reference: creating a log group, creating a log stream, querying logs. Quotas: error codes.
LOG_NAME_PATTERN = re.compile(r"(?![._])[A-Za-z0-9_.\-]{1,64}(?<!\.)")
MAX_TTL_IN_DAYS = 365
TAG_KEY_PATTERN = re.compile(r"(?!_)[\w .:=+\-@]{1,128}")
TAG_VALUE_PATTERN = re.compile(r"[\w .:/=+\-@]{0,255}")
MAX_TAGS = 20
MAX_LOG_GROUPS = 100
MAX_LOG_STREAMS = 100  # of a group
MAX_QUERY_DAYS = 180
MAX_LINES = 5000
DEFAULT_LINES = 50
SEARCH_TYPES = ("init", "forwards", "backwards")

# API reference: pagination and sorting.
MAX_LIMIT = 2000
SORT_KEYS = ("id", "name", "state")
MORE_SORT_KEYS = ("description", "created_at", "updated_at")  # for routers and attachments
SORT_DIRECTIONS = ("asc", "desc")


def require_object(value: object, where: str, fields: Sequence[str], *, strict: bool = False) -> Mapping[str, object]:
    """`value` as a JSON object of which only `fields` count; null is like an absent field. Strictly read, it is refused
    if it has any other."""
    if not isinstance(value, dict):
        raise invalid(f"{where} must be a JSON object.")
    if not strict:
        return {field: value[field] for field in fields if value.get(field) is not None}
    for field in value:
        if field not in fields:
            raise invalid(f"{where} has an unknown field {field!r}: the fields are {', '.join(fields)}.")
    return value


def require_text(body: Mapping[str, object], field: str) -> str:
    """A required string, and one that can be written as UTF-8 (JSON can spell lone surrogates)."""
    if field not in body:
        raise invalid(f"{field} is missing.")
    value = body[field]
    if not isinstance(value, str):
        raise invalid(f"{field} must be a string.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise invalid(f"{field} is not valid Unicode text.") from None
    return value


def check_name(value: str) -> str:
    if not NAME_PATTERN.fullmatch(value):
        raise invalid("name must be 1 to 64 characters, only letters, digits, underscores, hyphens and periods.")
    return value


def check_log_name(field: str, value: str) -> str:
    if not LOG_NAME_PATTERN.fullmatch(value):
        raise invalid(
            f"{field} must be 1 to 64 letters, digits, underscores, hyphens and periods, not beginning with a period "
            "or an underscore, and not ending with a period."
        )
    return value


def check_number(field: str, value: object, smallest: int, largest: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not smallest <= value <= largest:
        raise invalid(f"{field} must be an integer from {smallest} to {largest}.")
    return value


def check_tags(value: object) -> dict[str, str]:
    """Tags as a request has them, a list of keys and values."""
    if not isinstance(value, list) or len(value) > MAX_TAGS:
        raise invalid(f"tags must be a list of at most {MAX_TAGS} tags.")
    tags = {}
    for tag in value:
        fields = require_object(tag, "a tag", ("key", "value"))
        key, text = require_text(fields, "key"), require_text(fields, "value")
        if not TAG_KEY_PATTERN.fullmatch(key) or not TAG_VALUE_PATTERN.fullmatch(text):
            raise invalid("a tag has characters that are not allowed, or too many of them.")
        tags[key] = text
    return tags


def check_description(value: str) -> str:
    if len(value) > DESCRIPTION_LENGTH:
        raise invalid(f"description must be at most {DESCRIPTION_LENGTH} characters.")
    return value


def check_literal(field: str, value: str, *allowed: str) -> str:
    if value not in allowed:
        raise invalid(f"{field} must be {' or '.join(allowed)}, not {value!r}.")
    return value


def check_client_token(value: str) -> str:
    if not 1 <= len(value) <= CLIENT_TOKEN_LENGTH:
        raise invalid(f"X-Client-Token must be 1 to {CLIENT_TOKEN_LENGTH} characters.")
    return value
