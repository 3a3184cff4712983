"""Whether a run uses the stack's own state backend: with another one, it would create everything a second time.

Standard library only: `make` needs it before anything is installed or created.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from pathlib import Path

from providers.backend import VARIABLE as VARIABLE
from stacks.stackfile.yaml_scalar import scalar

ACTUAL_VARIABLE = "OTC_FLOW_LOGS_STATE"
"""Names the actual backend while an empty one takes its place, to preview a stack that does not exist yet."""

PUBLIC_PARAMETERS = {
    *("region", "endpoint", "s3ForcePathStyle", "disableSSL", "response_checksum_validation", "ssetype"),
    *("sslmode", "sslrootcert", "table", "metadata"),
}
"""Parameters of an address that may be shown; any other could be a secret."""

MOVED = Path(".local", "moved")
"""A file for each stack whose state was moved: the address before the move in one line, and after it in the next."""

_SCHEMES = ("file", "s3", "gs", "azblob", "postgres", "http", "https")
"""Of the backends that Pulumi knows. It takes any other for a service, and asks for an access token."""

_KEY = "otc-flow-logs:state"


def check_address(name: str, url: str, environment: Mapping[str, str]) -> str | None:
    """Why this is not the address of a state backend, in one sentence; None if it is one.

    Args:
        name: What the address was given as.
        url: The address.
        environment: Environment variables.
    """
    scheme, separator, place = url.partition("://")
    if scheme == "postgresql":
        return f"{name}: Pulumi accepts postgres://…, not postgresql://…."
    if not (separator and scheme in _SCHEMES and place):
        # Not shown: without a known scheme, it is unclear what in it is a password.
        return f"{name} is not the address of a backend, such as postgres://…, s3://… or file://…: correct it."
    if scheme == "s3" and not _finds_region(place, environment):
        # Otherwise the CLI says "Invalid region" of a setting that nobody made.
        return (
            f"{name} is {mask_secrets(url)}, without a region: put an endpoint and a region into it, for OBS such as"
            f" {url.partition('?')[0]}?endpoint=obs.eu-de.otc.t-systems.com&region=eu-de (see docs/guides/state.md)."
        )
    return None


def _finds_region(place: str, environment: Mapping[str, str]) -> bool:
    """Whether an address of S3, or what it relies on, has a region."""
    options = {part.partition("=")[0] for part in place.partition("?")[2].split("&")}
    variables = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE")
    settings = Path(environment.get("AWS_CONFIG_FILE", "~/.aws/config")).expanduser()
    return bool(options & {"region", "profile"} or any(map(environment.get, variables)) or settings.is_file())


def check_backend(expected: str, project_file: str, environment: Mapping[str, str]) -> str | None:
    """Why a run would use another state backend than the stack's own, in one sentence; None if it would not.

    Args:
        expected: The backend's URL in the stack file, possibly without its query (`?region=…`); empty if it names none.
        project_file: The text of Pulumi.yaml.
        environment: Environment variables.
    """
    actual = environment.get(ACTUAL_VARIABLE) or find_current_backend(project_file, environment)
    if not expected or _is_same(expected, actual):
        return None
    used = _place(actual) or "that of `pulumi login`"
    return f"its state is in {_place(expected)} ({_KEY}), not in {used}: set {VARIABLE} (see docs/guides/state.md)"


def check_moved(stack: str, moved: str, project_file: str, environment: Mapping[str, str]) -> str | None:
    """Why a run would not find the stack's state, which was moved, in one sentence; None if it is not so.

    Args:
        stack: The stack's name, without organization and project.
        moved: The text of its file in `MOVED`.
        project_file: The text of Pulumi.yaml.
        environment: Environment variables.
    """
    before, after = moved.splitlines()
    if mask_secrets(find_current_backend(project_file, environment)) != before:
        return None
    return (
        f"its state was moved from here to {after}: set {VARIABLE} accordingly, or, if it was moved back since, delete"
        f" {MOVED / stack}"
    )


def find_expected_backend(stack_file: str) -> str:
    """The URL of the state backend that the text of a stack file names; empty if it names none.

    For code that runs before a parser is installed. The program checks again, with the value that Pulumi parsed.
    """
    return scalar(rf"^[ \t]+['\"]?{_KEY}['\"]?[ \t]*", stack_file)


def find_current_backend(project_file: str, environment: Mapping[str, str]) -> str:
    """The URL of the state backend that a run would use; empty if it is that of `pulumi login`."""
    return environment.get(VARIABLE) or scalar(r"^backend:[ \t]*\n[ \t]+url", project_file)


def mask_secrets(url: str) -> str:
    """The address without what may be secret: a password before the host, and most parameters after the `?`."""
    return _keep(url, PUBLIC_PARAMETERS)


def _place(url: str) -> str:
    """The address without what may be secret, and without what does not say where the state is."""
    return _keep(url, PUBLIC_PARAMETERS - {"metadata"})


def _keep(url: str, parameters: Set[str]) -> str:
    address, _, query = re.sub(r"(://[^:/?@]*):.*@", r"\1@", url).partition("?")
    shown = "&".join(part for part in query.split("&") if part.partition("=")[0] in parameters)
    return f"{address}?{shown}" if shown else address


def _is_same(expected: str, actual: str) -> bool:
    wanted = _place(expected)
    address = _place(actual if "?" in wanted else actual.partition("?")[0])
    return address.rstrip("/") == wanted.rstrip("/")
