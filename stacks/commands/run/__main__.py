"""Runs of Pulumi with their checks: `python -m stacks.commands.run COMMAND STACK [OPTION ...]`, as make starts them.

COMMAND is up, preview, review, refresh, destroy or recover; the options are Pulumi's. Nothing that changes anything
starts before the checks have passed. A preview starts at once, and prints nothing until they have.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence

from providers import journal
from providers.preview_notes import EVENTS_VARIABLE
from stacks.commands import cli
from stacks.commands.checks import check, check_sign_in
from stacks.commands.question import check_terminal, is_answered, is_confirmed
from stacks.commands.run import pulumi
from stacks.stackfile.location import short_name

# What takes long to import is imported in functions: meanwhile, Pulumi works.

_YES = ("--yes", "--skip-preview", "--suppress-outputs")  # the question is our own


def preview(stack: str, options: Sequence[str]) -> int:
    """Show what `up` would change, in Pulumi's terms."""
    is_colourful = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    colour = "always" if is_colourful else "never"
    shown = ("--color", colour, "--diff", "--suppress-outputs")
    with pulumi.held(*_preview(), *shown, "--stack", stack, *options) as process:
        _check_sign_in(stack)
        from stacks.commands.command_line import errors_as_sentences

        with errors_as_sentences(stack):
            return pulumi.show(process)


def review(stack: str, options: Sequence[str]) -> int:
    """Print what `up` would change, as Markdown."""
    with _held_events(*_preview(), "--stack", stack, *options) as process:
        _check_sign_in(stack)
        return _show_review(stack, pulumi.read(process), is_text=False)


def up(stack: str, options: Sequence[str]) -> int:
    """Create, change and delete flow logs, print the coverage, and wait for records if WAIT is set."""
    wait = _wait_options(stack)
    is_unattended = not os.environ.get("CONFIRM") and not (sys.stdin.isatty() and sys.stdout.isatty())
    if is_unattended or is_answered(stack):
        _check(stack)
    else:
        _ask(stack, *_preview(), "--stack", stack, *options)
    return _up(stack, options) or (_wait(wait) if wait else 0)


def destroy(stack: str, options: Sequence[str]) -> int:
    """Delete the stack's flow logs."""
    if is_answered(stack):
        _check(stack)
    else:
        _ask(stack, "destroy", "--preview-only", "--stack", stack, *options)
    return pulumi.run("destroy", *_YES, "--stack", stack, *options)


def refresh(stack: str, options: Sequence[str]) -> int:
    """Update the state with what exists now."""
    _check(stack)
    return _refresh(stack, options)


def recover(stack: str, _options: Sequence[str]) -> int:
    """Finish a run that was killed, if no other run is in progress."""
    _check_sign_in(stack)
    from stacks.commands.command_line import errors_as_sentences
    from stacks.commands.run.take_over import take_over

    with errors_as_sentences(stack):
        take_over(stack)
    return _refresh(stack, []) or _up(stack, [])


COMMANDS: Mapping[str, Callable[[str, Sequence[str]], int]] = {
    command.__name__: command for command in (up, preview, review, refresh, destroy, recover)
}


def _check_sign_in(stack: str) -> None:
    pulumi.hand_on(check_sign_in(stack))


def _check(stack: str) -> None:
    pulumi.hand_on(check(stack))


def _reads() -> tuple[str, ...]:
    return ("--parallel", os.environ["OTC_FLOW_LOGS_READS"])


def _preview() -> tuple[str, ...]:
    return ("preview", *_reads(), "--refresh")


def _refresh(stack: str, options: Sequence[str]) -> int:
    return pulumi.run("refresh", *_reads(), *_YES, "--stack", stack, *options)


def _up(stack: str, options: Sequence[str]) -> int:
    """Run `pulumi up`; if it succeeds, print the coverage, which has no say in the exit code."""
    code = pulumi.run("up", "--refresh", *_YES, "--stack", stack, *options)
    if not code:
        with contextlib.suppress(OSError):  # The state has it all, which the next run will find.
            journal.forget(short_name(stack))
        from stacks.commands.coverage.__main__ import main as show_coverage

        brief = () if sys.stdout.isatty() else ("--brief",)
        delivery = ("--delivery",) if os.environ.get("DELIVERY") else ()
        with contextlib.suppress(SystemExit):
            show_coverage(("--stack", stack, *brief, *delivery))
    return code


def _wait_options(stack: str) -> Sequence[str]:
    """How to wait for records, if WAIT is set; ends the process with a sentence if that is not valid."""
    if not (wait := os.environ.get("WAIT")):
        return ()
    if wait != "delivery":
        cli.fail(f"error: WAIT must be delivery, not {wait}.")
    from stacks.commands.delivery.__main__ import parse

    options = ("--stack", stack, "--span", os.environ["SPAN"], "--wait", os.environ["WITHIN"])
    parse(options)
    return options


def _wait(options: Sequence[str]) -> int:
    from stacks.commands.delivery.__main__ import main as show_delivery

    return show_delivery(options)


def _ask(stack: str, *preview: str) -> None:
    """Check, show what would change, and end the process unless there is nothing to do or the user agrees."""
    with _held_events(*preview) as process:
        _check(stack)
        check_terminal()
        print("previewing the changes", file=sys.stderr)
        if _show_review(stack, pulumi.read(process), is_text=True):
            sys.exit(1)


def _held_events(*arguments: str) -> contextlib.AbstractContextManager[pulumi.Process]:
    return pulumi.held(*arguments, "--json", environment={**os.environ, EVENTS_VARIABLE: "true"})


def _show_review(stack: str, text: str, *, is_text: bool) -> int:
    from stacks.commands.command_line import errors_as_sentences
    from stacks.commands.review.__main__ import show
    from stacks.commands.review.changes import review_stack

    found = review_stack(stack, text)
    with errors_as_sentences(stack):
        code = show([found], is_text=is_text)
    if is_text and not code and not found.is_quiet:
        return 0 if is_confirmed("Make these changes?") else 1
    return code


def main(arguments: Sequence[str]) -> int:
    """Run the command; its exit code, or Pulumi's."""
    if len(arguments) < 2 or arguments[0] not in COMMANDS:
        cli.fail(str(__doc__))
    command, stack, *options = arguments
    try:
        return COMMANDS[command](stack, options)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    gc.disable()  # the process is short, and mostly imports
    atexit.register(gc.freeze)
    sys.exit(main(sys.argv[1:]))
