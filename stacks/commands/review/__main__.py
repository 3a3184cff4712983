"""Previews as a comment for a pull request: `python -m stacks.review [--text] STACK=FILE...`.

Each file is the output of `pulumi preview --json --stack STACK`; `-` is standard input. With
PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true the preview also prints the names of new flow logs. Prints Markdown, or with
`--text` plain text; ends with 1 if a preview failed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from providers.stderr import say
from stacks.commands.review import terminal
from stacks.commands.review.changes import review_stack
from stacks.commands.review.comment import comment
from stacks.commands.review.model import StackReview
from stacks.commands.screen import is_colourful

USAGE = (
    "usage: python -m stacks.review [--text] STACK=FILE..."
    " (what `pulumi preview --json --stack STACK` printed; - is stdin)"
)
TEXT = "--text"
STACK_NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){0,2}")


def main(arguments: Sequence[str]) -> int:
    """Print the comment, or the text; 0, 1 if a preview failed, 2 if the arguments are wrong."""
    if "--help" in arguments:
        print(__doc__)
        return 0
    files = [argument.partition("=")[::2] for argument in arguments if argument != TEXT]
    stacks = [stack for stack, _ in files]
    if not files or not all(STACK_NAME.fullmatch(stack) and file for stack, file in files):
        print(USAGE, file=sys.stderr)
        return 2
    if len(set(stacks)) < len(stacks) or [file for _, file in files].count("-") > 1:
        print("error: each stack, and standard input, may be given only once", file=sys.stderr)
        return 2
    try:
        reviews = [review_stack(stack, _read(file)) for stack, file in files]
    except OSError as error:
        print(f"error: cannot read {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    # The comment is in a file, and the log of a job has nothing else to say why the job failed.
    for review in reviews:
        if review.is_failed:
            reasons = "; ".join(filter(None, [review.failure, *review.errors]))
            say(f"error: the preview of stack {review.stack} failed: {reasons}")
    return show(reviews, is_text=TEXT in arguments)


def show(reviews: Sequence[StackReview], *, is_text: bool) -> int:
    """Print the comment, or the text; 1 if a preview failed."""
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # whatever the locale
    in_colour = is_colourful()
    print(terminal.text(reviews, in_colour=in_colour) if is_text else comment(reviews))
    return int(any(review.is_failed for review in reviews))


def _read(file: str) -> str:
    data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    return data.decode("utf-8", errors="replace")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
