"""The messages in docs/troubleshooting.md are those of the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "troubleshooting.md"
OF_OTHERS = ("Pulumi's", "Python's", "The service's", "make's")
"""How the page begins to explain a message of another program."""


def texts_of(tree: ast.Module) -> Iterator[str]:
    """Every text in the code, with `…` for a replacement field."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def rows() -> list[tuple[str, str]]:
    """The messages on the page, with their explanations."""
    found = re.findall(r"^\| (`.+?`) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [(message, explanation) for messages, explanation in found for message in re.findall(r"`(.+?)`", messages)]


TEXTS = [
    *(
        text
        for package in ("providers", "stacks", "tools")
        for file in sorted((ROOT / package).rglob("*.py"))
        for text in texts_of(ast.parse(file.read_text(encoding="utf-8")))
    ),
    *(file.read_text(encoding="utf-8") for file in sorted((ROOT / "ci" / "scripts").iterdir())),
]


@pytest.mark.parametrize("message", [message for message, why in rows() if not why.startswith(OF_OTHERS)])
def test_page_explains_messages_that_the_code_has(message: str) -> None:
    pieces = [piece for piece in re.split("…|otc-flow-logs:[a-z]+", message) if piece.strip()]
    assert any(all(piece in text for piece in pieces) for text in TEXTS), message


def test_page_explains_many_messages() -> None:
    assert len(rows()) > 30
