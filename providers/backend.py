"""Which state backend a run uses, as far as the environment says it. Standard library only."""

from __future__ import annotations

VARIABLE = "PULUMI_BACKEND_URL"

_SERVICE_SCHEMES = ("http://", "https://")


def is_service(url: str) -> bool:
    """Whether this is the address of the Pulumi Cloud, or of another server with its HTTP API.

    A service encrypts the secrets of its stacks itself, and a run sends it a journal of what changes. All others keep a
    state in one document, which each step writes.
    """
    return url.startswith(_SERVICE_SCHEMES)
