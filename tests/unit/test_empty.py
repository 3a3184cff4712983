"""Stack files without a setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.checks.empty import check_not_empty


@pytest.mark.parametrize(
    ("stack_file", "what"),
    [
        ("", "is empty"),
        ("\n---\n", "is empty"),
        ("encryptionsalt: v1:abc\n", "is empty"),
        ("# config:\n  # otc-flow-logs:routers:\n", "has only comments"),
        ("config:\n  # otc-flow-logs:routers:\n", "has nothing below config:"),
        ("config: {} # later\nencryptionsalt: v1:abc\n", "has nothing below config:"),
    ],
)
def test_stack_file_without_settings_is_refused(stack_file: str, what: str) -> None:
    refusal = check_not_empty(Path("stacks/Pulumi.dev.yaml"), stack_file)
    assert refusal is not None
    assert refusal.startswith(f"stacks/Pulumi.dev.yaml {what}; declare the stack's routers in it, as docs/")


def test_stack_file_with_a_setting_is_not_empty() -> None:
    assert check_not_empty(Path("file"), "# a comment\nconfig:\n  otc-flow-logs:region: eu-de\n") is None
