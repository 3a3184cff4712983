"""What is checked before a run. The CLI works while the modules that check are imported, which takes long."""

from __future__ import annotations

from collections.abc import Mapping

from stacks.commands import cli


def check_sign_in(stack: str, known: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """End the process with a sentence unless the credentials work; what can be handed on to other processes.

    Args:
        stack: The stack's name.
        known: What earlier checks have returned: an account with several stacks signs in once.
    """
    cli.start(*cli.config(stack))
    from stacks.commands import whoami

    return whoami.sign_in(stack, known)


def check(stack: str, known: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """As `check_sign_in`; also end the process if a run was interrupted."""
    cli.start(*cli.state(stack))
    sign_in = check_sign_in(stack, known)
    from stacks.commands.command_line import fetch_export
    from stacks.commands.pending import refuse_interrupted

    refuse_interrupted(stack, fetch_export(stack))
    return sign_in
