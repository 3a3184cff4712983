"""What is checked before a run. The CLI works while the modules that check are imported, which takes long."""

from __future__ import annotations

from stacks.commands import cli

SignIn = tuple[str, str] | None
"""What other processes can continue with: see providers.shared_sign_in."""


def check_sign_in(stack: str) -> SignIn:
    """End the process with a sentence unless the credentials work."""
    cli.start(*cli.config(stack))
    from stacks.commands import whoami

    return whoami.sign_in(stack)


def check(stack: str) -> SignIn:
    """End the process with a sentence unless the credentials work and no run was interrupted."""
    cli.start(*cli.state(stack))
    sign_in = check_sign_in(stack)
    from stacks.commands.command_line import fetch_export
    from stacks.commands.pending import refuse_interrupted

    refuse_interrupted(stack, fetch_export(stack))
    return sign_in
