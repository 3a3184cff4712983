"""Which state backend a stack belongs to: an empty state must never be taken for that of a network that has one.

Needs nothing but the standard library: `make` asks before anything is installed or created.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

VARIABLE = "PULUMI_BACKEND_URL"
_KEY = "otc-flow-logs:state"


def refusal(stack_file: str, project_file: str, environment: Mapping[str, str]) -> str | None:
    """Why a run would be on another state than the stack's own, in one sentence; None if it would not.

    Args:
        stack_file: The text of the stack's file; its key `otc-flow-logs:state` has the backend's URL, of which a query
            (`?region=…`) may be left out.
        project_file: The text of Pulumi.yaml.
        environment: Environment variables.
    """
    expected = named(stack_file)
    actual = current(project_file, environment)
    if not expected or _same(expected, actual):
        return None
    there = public(actual) or "that of `pulumi login`"
    return f"its state is in {public(expected)} ({_KEY}), and not in {there}: set {VARIABLE} (docs/state.md)"


def named(stack_file: str) -> str:
    """The URL of the state backend that a stack file names; empty if it names none."""
    return _value(rf"^[ \t]+{_KEY}", stack_file)


def current(project_file: str, environment: Mapping[str, str]) -> str:
    """The URL of the state backend that a run would use; empty if it is that of `pulumi login`."""
    return environment.get(VARIABLE) or _value(r"^backend:[ \t]*\n[ \t]+url", project_file)


def public(url: str) -> str:
    """The address without a password, which PostgreSQL's may have in two places."""
    url = re.sub(r"(://[^:/?@]*):[^/?]*@", r"\1@", url)
    return re.sub(r"(?<=[?&])password=[^&]*&?", "", url).rstrip("?&")


def _value(key: str, text: str) -> str:
    found = re.search(rf"{key}:[ \t]*['\"]?([^'\"\s#]+)", text, re.MULTILINE)
    return found.group(1) if found else ""


def _same(expected: str, actual: str) -> bool:
    address = public(actual if "?" in expected else actual.partition("?")[0])
    return address.rstrip("/") == public(expected).rstrip("/")
