"""Runs of Pulumi with their checks: `python -m stacks.commands.run COMMAND STACK [OPTION ...]`, as make starts them.

COMMAND is up, preview, review, refresh, destroy or recover; the options are Pulumi's. All but recover take several
stacks, as one argument with spaces: they run side by side. Nothing that changes anything starts before the checks have
passed, in all stacks. A preview starts at once, and prints nothing until they have.
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
from providers.stderr import say
from stacks.commands import cli
from stacks.commands.checks import check, check_sign_in
from stacks.commands.question import check_terminal, is_answered, is_confirmed
from stacks.commands.run import pulumi
from stacks.commands.run.side_by_side import INTERRUPTED, SideBySide, exit_code, print_errors, report
from stacks.commands.run.stack_run import StackRun
from stacks.stackfile.location import short_name

# What takes long to import is imported in functions: meanwhile, Pulumi works.

_YES = ("--yes", "--skip-preview", "--suppress-outputs")  # the question is our own


def preview(stacks: Sequence[str], options: Sequence[str]) -> int:
    """Show what `up` would change, in Pulumi's terms."""
    is_colourful = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    colour = "always" if is_colourful else "never"
    command = (*_preview(), "--color", colour, "--diff", "--suppress-outputs", *options)
    if len(stacks) > 1:
        return _print_previews(stacks, *command)
    with pulumi.held(stacks[0], *command) as process:
        _check(stacks, check_sign_in)
        from stacks.commands.command_line import errors_as_sentences

        with errors_as_sentences(stacks[0]), pulumi.signals_passed_on([process]):
            return pulumi.show(process, stacks[0])


def review(stacks: Sequence[str], options: Sequence[str]) -> int:
    """Print what `up` would change, as Markdown."""
    previews = [StackRun(stack, is_preview=True) for stack in stacks]
    with _events(previews, *_preview(), *options) as started:
        _check(stacks, check_sign_in)
        started.finish()
    return _show_reviews(previews, is_text=False)


def up(stacks: Sequence[str], options: Sequence[str]) -> int:
    """Create, change and delete flow logs, print the coverage, and wait for records if WAIT is set."""
    waits = {stack: _wait_options(stack) for stack in stacks if os.environ.get("WAIT")}
    is_unattended = not os.environ.get("CONFIRM") and not (sys.stdin.isatty() and sys.stdout.isatty())
    is_asked = not (is_unattended or all(map(is_answered, stacks)))
    runs = _agreed(stacks, *_preview(), *options) if is_asked else _checked(stacks)
    return _up(runs, options) or _wait(waits)


def destroy(stacks: Sequence[str], options: Sequence[str]) -> int:
    """Delete the stack's flow logs."""
    is_asked = not all(map(is_answered, stacks))
    runs = _agreed(stacks, "destroy", "--preview-only", *options) if is_asked else _checked(stacks)
    codes = _run(runs, "destroy", *_YES, *options)
    return _end(runs, codes, "destroy")


def refresh(stacks: Sequence[str], options: Sequence[str]) -> int:
    """Update the state with what exists now."""
    return _refresh(_checked(stacks), options)


def recover(stacks: Sequence[str], _options: Sequence[str]) -> int:
    """Finish a run that was killed, if no other run is in progress. What the `up` at its end changes is asked for."""
    (stack,) = stacks
    _check(stacks, check_sign_in)
    from stacks.commands.command_line import errors_as_sentences
    from stacks.commands.run.take_over import take_over

    with errors_as_sentences(stack):
        take_over(stack)
    return _refresh([StackRun(stack)], []) or up(stacks, [])


COMMANDS: Mapping[str, Callable[[Sequence[str], Sequence[str]], int]] = {
    command.__name__: command for command in (up, preview, review, refresh, destroy, recover)
}
_DOING = {"up": "updating", "destroy": "deleting", "refresh": "looking", "preview": "previewing"}


def _reads() -> tuple[str, ...]:
    return ("--parallel", os.environ["OTC_FLOW_LOGS_READS"])


def _preview() -> tuple[str, ...]:
    return ("preview", *_reads(), "--refresh")


def _refresh(runs: Sequence[StackRun], options: Sequence[str]) -> int:
    return _end(runs, _run(runs, "refresh", *_reads(), *_YES, *options), "refresh")


def _up(runs: Sequence[StackRun], options: Sequence[str]) -> int:
    """Run `pulumi up`; where it succeeds, print the coverage, which has no say in the exit code."""
    codes = _run(runs, "up", "--refresh", *_YES, *options)
    logged = []
    for run, code in zip(runs, codes, strict=True):
        if not code:
            with contextlib.suppress(OSError):  # The state has it all, which the next run will find.
                journal.forget(short_name(run.stack))
            logged.append(run.stack)
    if logged:
        from stacks.commands.coverage.__main__ import main as show_coverage

        brief = () if sys.stdout.isatty() and len(runs) == 1 else ("--brief",)
        delivery = ("--delivery",) if os.environ.get("DELIVERY") else ()
        with contextlib.suppress(SystemExit):
            show_coverage(("--stack", " ".join(logged), *brief, *delivery), is_one_of_several=len(runs) > 1)
    return _end(runs, codes, "up")


def _run(runs: Sequence[StackRun], command: str, *arguments: str) -> Sequence[int]:
    """Run a command of Pulumi that changes things; its exit codes. One stack has the terminal to itself."""
    if len(runs) == 1:
        return [pulumi.run(runs[0].stack, command, *arguments)]
    SideBySide(runs, command, *arguments, "--json", doing=_DOING[command]).finish()
    return [run.code for run in runs]


def _end(runs: Sequence[StackRun], codes: Sequence[int], command: str) -> int:
    """The exit code; of several stacks, print how the command ended."""
    if len(runs) == 1:
        return codes[0]
    report(runs, command)
    return exit_code(runs)


def _wait_options(stack: str) -> Sequence[str]:
    """How to wait for records; ends the process with a sentence if WAIT or the times are not valid."""
    if (wait := os.environ["WAIT"]) != "delivery":
        cli.fail(f"error: WAIT must be delivery, not {wait}.")
    from stacks.commands.delivery.__main__ import parse

    options = ("--stack", stack, "--span", os.environ["SPAN"], "--wait", os.environ["WITHIN"])
    parse(options)
    return options


def _wait(waits: Mapping[str, Sequence[str]]) -> int:
    """Wait for records, by stack; 1 if some do not arrive, 2 if that is unknown."""
    if not waits:
        return 0
    from stacks.commands.delivery.__main__ import main as show_delivery

    codes = set[object]()
    for stack, options in waits.items():
        if len(waits) > 1:
            print(f"{stack}:", flush=True)
        try:
            codes.add(show_delivery(options))
        except SystemExit as error:
            codes.add(error.code)
    return next((code for code in (1, cli.UNKNOWN) if code in codes), 0)


def _check(stacks: Sequence[str], check_one: Callable[[str, Mapping[str, str]], Mapping[str, str]]) -> None:
    """Check the stacks; end the process with a sentence about the first that does not pass."""
    sign_ins = dict[str, str]()
    for stack in stacks:
        try:
            sign_ins |= check_one(stack, sign_ins)
        except SystemExit:
            if len(stacks) == 1:
                raise
            cli.fail(f"error: stack {stack} is not ready, so nothing was done in any stack")
    pulumi.hand_on(sign_ins)


def _checked(stacks: Sequence[str]) -> Sequence[StackRun]:
    _check(stacks, check)
    return [StackRun(stack) for stack in stacks]


def _agreed(stacks: Sequence[str], *preview: str) -> Sequence[StackRun]:
    """Check, show what would change, and end the process unless there is nothing to do or the user agrees."""
    previews = [StackRun(stack, is_preview=True) for stack in stacks]
    with _events(previews, *preview) as started:
        _check(stacks, check)
        check_terminal()
        print("previewing the changes", file=sys.stderr)
        started.finish()
    if code := _show_reviews(previews, is_text=True):
        sys.exit(code)
    return [StackRun(run.stack, planned=run.begun) for run in previews]


def _events(previews: Sequence[StackRun], *arguments: str) -> SideBySide:
    environment = {**os.environ, EVENTS_VARIABLE: "true"}
    return SideBySide(previews, *arguments, "--json", doing=_DOING["preview"], environment=environment)


def _show_reviews(previews: Sequence[StackRun], *, is_text: bool) -> int:
    """Print the reviews. As text, a question follows unless there is nothing to do; 1 if the user does not agree."""
    print_errors(previews)
    if any(preview.is_interrupted for preview in previews):
        return INTERRUPTED
    from stacks.commands.command_line import errors_as_sentences
    from stacks.commands.review.__main__ import show
    from stacks.commands.review.changes import review_stack

    found = [review_stack(preview.stack, preview.output) for preview in previews]
    with errors_as_sentences(found[0].stack):
        code = show(found, is_text=is_text)
    if code and is_text and len(found) > 1:
        say("error: nothing was changed in any stack, because a preview failed")
    if is_text and not code and not all(review.is_quiet for review in found):
        return 0 if is_confirmed("Make these changes?") else 1
    return code


def _print_previews(stacks: Sequence[str], *arguments: str) -> int:
    """Print the previews of several stacks, one after the other."""
    previews = [StackRun(stack, is_preview=True) for stack in stacks]
    with SideBySide(previews, *arguments, doing=_DOING["preview"]) as started:
        _check(stacks, check_sign_in)
        started.finish()
    from stacks.commands.command_line import errors_as_sentences

    with errors_as_sentences(stacks[0]):
        for run in previews:
            print("".join(filter(pulumi.is_shown, run.output.splitlines(keepends=True))))
    print_errors(previews)
    for run in previews:
        if run.code and not run.is_interrupted:
            say(f"error: the preview of stack {run.stack} failed")
    return exit_code(previews)


def main(arguments: Sequence[str]) -> int:
    """Run the command; its exit code, or Pulumi's."""
    stacks = arguments[1].split() if len(arguments) > 1 else []
    if not stacks or arguments[0] not in COMMANDS or (len(stacks) > 1 and COMMANDS[arguments[0]] is recover):
        cli.fail(str(__doc__))
    try:
        return COMMANDS[arguments[0]](stacks, arguments[2:])
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    gc.disable()  # the process is short, and mostly imports
    atexit.register(gc.freeze)
    sys.exit(main(sys.argv[1:]))
