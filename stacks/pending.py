"""Refuse to destroy over creates that were cut off: `pulumi stack export | python -m stacks.pending`.

What such a create made is found by the stack's idempotency key, and a destroy takes that key away.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any


def cut_off_creates(export: Mapping[str, Any]) -> list[str]:
    """The URNs of the creates that nobody knows the end of, in a stack's exported state."""
    operations = (export.get("deployment") or {}).get("pending_operations") or []
    return [one["resource"]["urn"] for one in operations if one["type"] == "creating"]


def main() -> None:
    """End with a sentence and status 1 if there are any in the state on standard input."""
    urns = cut_off_creates(json.load(sys.stdin))
    if urns:
        sys.exit(
            f"error: the last run was cut off while it created {len(urns)} resources, which a destroy would leave"
            " behind unseen: run `make recover` first"
        )


if __name__ == "__main__":
    main()
