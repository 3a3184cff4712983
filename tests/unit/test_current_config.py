"""Which stack the host reads a password from."""

from __future__ import annotations

import pytest

from providers.host.current_config import select_stack


@pytest.mark.parametrize(
    ("command", "selected"),
    [
        ("pulumi destroy --yes --stack team/otc-flow-logs/prod", ["--stack", "team/otc-flow-logs/prod"]),
        ("pulumi destroy --stack=team/prod --yes", ["--stack", "team/prod"]),
        ("pulumi refresh -s team/prod", ["--stack", "team/prod"]),
        ("pulumi refresh -steam/prod", ["--stack", "team/prod"]),
        ("pulumi refresh -s=prod", ["--stack", "prod"]),
        ("pulumi destroy --message team/staging", []),
    ],
)
def test_stack_is_selected_as_the_running_command_does(command: str, selected: list[str]) -> None:
    assert select_stack("prod", command.split()) == selected
