"""Limits of flow logs (API reference: create flow log, parameters of the request)."""

from __future__ import annotations

import re

NAME_MAX_LENGTH = 64
NAME_CHARACTERS = "letters, digits, '_', '-' and '.'"
NAME_PATTERN = re.compile(rf"[A-Za-z0-9_.-]{{1,{NAME_MAX_LENGTH}}}")
DESCRIPTION_MAX_LENGTH = 255

RESOURCE_TYPE = "attachment"
LOG_STORE_TYPE = "LTS"

LOGGABLE_ATTACHMENT_TYPES = ("vpc", "vpn", "vgw")

# Ids of the service are UUIDs; anything made of these characters is safe inside a URL path.
ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
