"""Whether a stack's secrets have a passphrase. Only the stack `local`, which must run anywhere, may have an empty one.

Standard library only: `make` needs it before any installation.
"""

from __future__ import annotations

from collections.abc import Mapping

from providers.backend import VARIABLE as BACKEND
from providers.backend import is_service
from stacks.stackfile.location import LOCAL
from stacks.stackfile.yaml_scalar import scalar

VARIABLE = "PULUMI_CONFIG_PASSPHRASE"
FILE_VARIABLE = f"{VARIABLE}_FILE"


def lacks_passphrase(stack: str, stack_file: str, environment: Mapping[str, str]) -> bool:
    """Whether the stack's secrets would be encrypted with an empty passphrase.

    Args:
        stack: The stack's name, without organization and project.
        stack_file: The text of its file.
        environment: Environment variables.
    """
    if stack == LOCAL or not _uses_passphrase(stack_file, environment):
        return False
    # As in Pulumi: a variable that is set takes precedence over the file, even if it is empty.
    return not environment.get(VARIABLE, environment.get(FILE_VARIABLE))


def is_chosen(stack_file: str) -> bool:
    """Whether the stack has a passphrase: Pulumi writes its salt into the file when it creates the stack."""
    return bool(scalar("^encryptionsalt", stack_file))


def _uses_passphrase(stack_file: str, environment: Mapping[str, str]) -> bool:
    if provider := scalar("^secretsprovider", stack_file):
        return provider == "passphrase"
    return is_chosen(stack_file) or not is_service(environment.get(BACKEND, ""))
