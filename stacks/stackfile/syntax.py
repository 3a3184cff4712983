"""Mistakes in the YAML of stack files. Pulumi names neither the file nor the right line.

python -m stacks.stackfile.syntax FILE     prints what is wrong with the file; nothing if it is valid YAML
"""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml


def describe(error: Exception) -> str:
    """What a parser found, and where if it is known."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return " ".join(str(error).split())


def check_syntax(file: Path) -> str | None:
    """The sentence about a file that is not valid YAML; None if it is, or cannot be read."""
    try:
        yaml.compose(file.read_text(encoding="utf-8", errors="replace"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        return f"{file} is not valid YAML: {describe(error)}"
    except OSError:
        return None
    return None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Print what is wrong with the YAML of a file.")
    parser.add_argument("file", type=Path)
    print(check_syntax(parser.parse_args().file) or "")
