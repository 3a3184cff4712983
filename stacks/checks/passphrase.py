"""An empty passphrase serves the stack `local` only, which holds no secret worth one and must run anywhere.

Needs nothing but the standard library: `make` asks before anything is installed.
"""

from __future__ import annotations

from collections.abc import Mapping

from stacks.stackfile.yaml_scalar import scalar

LOCAL = "local"

VARIABLE = "PULUMI_CONFIG_PASSPHRASE"
FILE_VARIABLE = f"{VARIABLE}_FILE"


def is_missing(stack: str, stack_file: str, environment: Mapping[str, str]) -> bool:
    """Whether the stack's secrets would be locked with nothing.

    Args:
        stack: The stack's name, without organization and project.
        stack_file: The text of its file.
        environment: Environment variables.
    """
    if stack == LOCAL or not _uses_passphrase(stack_file, environment):
        return False
    # As Pulumi has it: a variable that is set outranks the file, also where it is empty.
    return not environment.get(VARIABLE, environment.get(FILE_VARIABLE))


def _uses_passphrase(stack_file: str, environment: Mapping[str, str]) -> bool:
    if provider := scalar("^secretsprovider", stack_file):
        return provider == "passphrase"
    if scalar("^encryptionsalt", stack_file):
        return True
    # A Pulumi service keeps the secrets of its stacks by itself.
    return not environment.get("PULUMI_BACKEND_URL", "").startswith(("http://", "https://"))
