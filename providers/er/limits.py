"""Limits of flow logs (API reference: create flow log, parameters of the request)."""

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
