"""Which state backend a stack belongs to: an empty state must never be taken for that of a network that has one.

Needs nothing but the standard library: `make` asks before anything is installed or created.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from stacks.stackfile.yaml_scalar import scalar

VARIABLE = "PULUMI_BACKEND_URL"
STANDS_FOR = "OTC_FLOW_LOGS_STATE"
"""Names the backend for which the one in use only stands, where a stack that is not there yet is previewed."""

HARMLESS = {
    *("region", "endpoint", "s3ForcePathStyle", "disableSSL", "response_checksum_validation", "ssetype"),
    *("sslmode", "sslrootcert", "table", "metadata"),
}
"""What an address may show behind its `?`; anything else could be a secret."""

_KEY = "otc-flow-logs:state"


def refusal(expected: str, project_file: str, environment: Mapping[str, str]) -> str | None:
    """Why a run would be on another state than the stack's own, in one sentence; None if it would not.

    Args:
        expected: The backend's URL that the stack file names, of which a query (`?region=…`) may be left out; empty if
            it names none.
        project_file: The text of Pulumi.yaml.
        environment: Environment variables.
    """
    actual = environment.get(STANDS_FOR) or current(project_file, environment)
    if not expected or _same(expected, actual):
        return None
    there = public(actual) or "that of `pulumi login`"
    return f"its state is in {public(expected)} ({_KEY}), and not in {there}: set {VARIABLE} (docs/guides/state.md)"


def named(stack_file: str) -> str:
    """The URL of the state backend that a stack file names; empty if it names none.

    For those that have no parser yet. The program asks Pulumi, which has one, again.
    """
    return scalar(rf"^[ \t]+['\"]?{_KEY}['\"]?[ \t]*", stack_file)


def current(project_file: str, environment: Mapping[str, str]) -> str:
    """The URL of the state backend that a run would use; empty if it is that of `pulumi login`."""
    return environment.get(VARIABLE) or scalar(r"^backend:[ \t]*\n[ \t]+url", project_file)


def public(url: str) -> str:
    """The address without what may be secret: a password before the host, and most of what is behind the `?`."""
    place, _, query = re.sub(r"(://[^:/?@]*):.*@", r"\1@", url).partition("?")
    shown = "&".join(part for part in query.split("&") if part.partition("=")[0] in HARMLESS)
    return f"{place}?{shown}" if shown else place


def _same(expected: str, actual: str) -> bool:
    address = public(actual if "?" in expected else actual.partition("?")[0])
    return address.rstrip("/") == public(expected).rstrip("/")
