"""What is checked before a run. The CLI works while the modules that check are imported, which takes long."""

from __future__ import annotations

from stacks.commands import cli


def check_sign_in(stack: str) -> None:
    """End the process with a sentence unless the credentials work."""
    cli.start(*cli.config(stack))
    from stacks.commands import whoami

    whoami.sign_in(stack)


def check(stack: str) -> None:
    """End the process with a sentence unless the credentials work and no run was interrupted."""
    cli.start(*cli.state(stack))
    check_sign_in(stack)
    from stacks.commands.command_line import fetch_export
    from stacks.commands.pending import refuse_interrupted

    refuse_interrupted(stack, fetch_export(stack))
