"""The versions that this project needs: of the Pulumi CLI, here and, for Go, in offline/cli/go.mod; and of Python."""

import argparse
import importlib.metadata
import platform
import re
import subprocess
import sys
from pathlib import Path

PULUMI = "3.259.0"

_NUMBERS = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(-[0-9A-Za-z.-]+)?")


def parse(text: str) -> tuple[int, int, int, int] | None:
    """The first version in a text, comparable; a pre-release (3.260.0-alpha) comes before its release."""
    found = _NUMBERS.search(text)
    if not found:
        return None
    major, minor, patch, pre_release = found.groups()
    return int(major), int(minor), int(patch or 0), 0 if pre_release else 1


def at_least(text: str, minimum: str) -> bool:
    """Whether the first version in a text is this one or newer."""
    version, least = parse(text), parse(minimum)
    return version is not None and least is not None and version >= least


def oldest_python(root: Path) -> str:
    """The oldest Python that pyproject.toml supports, such as 3.10."""
    found = re.search(r'^requires-python = ">=([\d.]+)"$', (root / "pyproject.toml").read_text(), re.MULTILINE)
    assert found
    return found[1]


def main() -> int:
    """Print the versions in use; the exit code of the CLI."""
    argparse.ArgumentParser(prog="make version", description="Print the versions in use.").parse_args()
    cli = subprocess.run(["pulumi", "version"], stdout=subprocess.PIPE, text=True, check=False)
    for what, version in (
        ("otc-flow-logs", importlib.metadata.version("otc-flow-logs")),
        ("Pulumi CLI", cli.stdout.strip().removeprefix("v")),
        ("Pulumi SDK", importlib.metadata.version("pulumi")),
        ("Python", platform.python_version()),
    ):
        print(f"{what:14} {version}")
    return cli.returncode


if __name__ == "__main__":
    sys.exit(main())
