"""The messages in docs/troubleshooting.md are those that the code has."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "troubleshooting.md"
OF_OTHERS = ("Pulumi's", "Python's", "The service's")
"""How the page begins to explain a message that is not ours."""


def sentences(tree: ast.Module) -> Iterator[str]:
    """Every text in the code, `…` for what is filled in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def rows() -> list[tuple[str, str]]:
    """What the page explains: a message, and the explanation."""
    found = re.findall(r"^\| (`.+?`) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [(message, explanation) for messages, explanation in found for message in re.findall(r"`(.+?)`", messages)]


TEXTS = [
    *(
        text
        for room in ("providers", "stacks", "tools")
        for file in sorted((ROOT / room).rglob("*.py"))
        for text in sentences(ast.parse(file.read_text(encoding="utf-8")))
    ),
    *(file.read_text(encoding="utf-8") for file in sorted((ROOT / "ci" / "scripts").iterdir())),
]


@pytest.mark.parametrize("message", [message for message, why in rows() if not why.startswith(OF_OTHERS)])
def test_a_message_that_the_page_explains_is_one_of_ours(message: str) -> None:
    pieces = [piece for piece in re.split("…|otc-flow-logs:[a-z]+", message) if piece.strip()]
    assert any(all(piece in text for piece in pieces) for text in TEXTS), message


def test_the_page_explains_many_messages() -> None:
    assert len(rows()) > 30
