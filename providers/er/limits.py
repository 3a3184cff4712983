"""Limits of flow logs (API reference: create flow log), log groups and log streams (LTS: create log group)."""

from __future__ import annotations

import re

NAME_MAX_LENGTH = 64
NAME_CHARACTERS = f"1 to {NAME_MAX_LENGTH} letters, digits, '_', '-' and '.'"
NAME_PATTERN = re.compile(rf"[A-Za-z0-9_.-]{{1,{NAME_MAX_LENGTH}}}")
DESCRIPTION_MAX_LENGTH = 255

RESOURCE_TYPE = "attachment"
LOG_STORE_TYPE = "LTS"

LOGGABLE_ATTACHMENT_TYPES = ("vpc", "vpn", "vgw")
UNLOGGABLE_ATTACHMENT_TYPES = ("cfw",)
UNDOCUMENTED_ATTACHMENT_TYPES = ("peering", "ecn", "dgw", "can", "connect", "dc")
"""Types of which the API reference does not speak, but clients of the service do."""

# Ids of the service are UUIDs; anything made of these characters is safe inside a URL path.
ID_CHARACTERS = "1 to 64 letters, digits, '_' and '-'"
ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")

LOG_NAME_CHARACTERS = f"{NAME_CHARACTERS}, not with '.' or '_' first or '.' last"
LOG_NAME_PATTERN = re.compile(rf"(?![._]){NAME_PATTERN.pattern}(?<!\.)")
MAX_TTL_IN_DAYS = 365
DEFAULT_TTL_IN_DAYS = 30  # of log groups, in the console
TAG_CHARACTERS = "letters, digits, spaces and .:=+-@_"  # a value may have '/' too
CREATION_TAG = "otc-flow-logs"
"""The tag with which this client marks the log groups and log streams that it creates: see `log_tank`."""
TAG_KEY_PATTERN = re.compile(rf"(?!_|{CREATION_TAG}\Z)[\w .:=+@-]{{1,128}}")
TAG_KEY_EXCEPTIONS = f"keys not with '_' first, nor {CREATION_TAG!r}"
TAG_VALUE_PATTERN = re.compile(r"[\w .:/=+@-]{0,255}")
