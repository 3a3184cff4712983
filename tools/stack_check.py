"""What is refused before anything is installed or created: unknown stacks, and secrets locked with nothing."""

import re
from collections.abc import Mapping
from pathlib import Path

from tools.console import ToolError

LOCAL = "local"


def check_stack(root: Path, stack: str, environment: Mapping[str, str]) -> None:
    """Raise ToolError unless the stack has a file and, where a passphrase protects its secrets, has one.

    An empty passphrase serves `local` only, which holds no secret worth one and must run anywhere.
    """
    name = stack.rpartition("/")[2]  # ORGANIZATION/PROJECT/STACK is the same stack
    files = sorted((root / "stacks").glob("Pulumi.*.yaml"))
    known = {file.name.removeprefix("Pulumi.").removesuffix(".yaml"): file for file in files}
    if name not in known:
        there_are = f"there are {_listed(sorted(known))}" if known else "there is no stack file at all"
        raise ToolError(f"There is no stack '{stack}', since stacks/Pulumi.{name}.yaml is missing; {there_are}.")
    if name == LOCAL or not _needs_passphrase(known[name].read_text(), environment):
        return
    if not environment.get("PULUMI_CONFIG_PASSPHRASE") and not environment.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        raise ToolError(
            f"Stack '{stack}' protects its secrets with a passphrase, and an empty one serves '{LOCAL}' only: "
            "set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE."
        )


def passphrase_default(stack: str, environment: Mapping[str, str]) -> str | None:
    """The passphrase to set where the user has set none: the empty one, for `local`."""
    chosen = "PULUMI_CONFIG_PASSPHRASE" in environment or environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    return "" if stack.rpartition("/")[2] == LOCAL and not chosen else None


def _needs_passphrase(stack_file: str, environment: Mapping[str, str]) -> bool:
    def value_of(key: str) -> str:
        found = re.search(rf"^{key}:[ \t]*['\"]?([^'\"\s#]+)", stack_file, re.MULTILINE)
        return found.group(1) if found else ""

    if provider := value_of("secretsprovider"):
        return provider == "passphrase"
    if value_of("encryptionsalt"):
        return True
    # A Pulumi service keeps the secrets of its stacks by itself.
    return not environment.get("PULUMI_BACKEND_URL", "").startswith(("http://", "https://"))


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
