"""Finds what a stack file names, by id or by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from providers.er.exceptions import ApiError
from providers.er.named import Named
from providers.er.routers import Router
from providers.suggestion import find_similar
from stacks.errors import Problem

MAX_LISTED = 20
"""How many candidates a message lists before it only counts them."""


N = TypeVar("N", bound=Named)


def find(key: str, kind: str, text: str, things: Sequence[N]) -> N | Problem:
    """The one thing with this id or name, or the problem with the key of the stack file that names it.

    Args:
        key: The key of the stack file.
        kind: What to call the thing, such as "log group".
        text: The id or name.
        things: The candidates.
    """
    matches = find_matches(text, things)
    if len(matches) == 1:
        return matches[0]
    if matches:
        ids = join_names([thing.id for thing in matches])
        return Problem(key, f"the name {text!r} matches {len(matches)} of them; use an id: {ids}")
    names = sorted(thing.display_name for thing in things)
    similar = find_similar(text, names)
    known = join_names([*similar, *(name for name in names if name not in similar)]) or "none"
    return Problem(key, f"there is no {kind} with id or name {text!r}; known: {known}")


def find_matches(text: str, things: Sequence[N]) -> list[N]:
    """The things with this id; if there is none, those with this name, our own first.

    What another project shares with ours, under whatever name, must not make a name of ours ambiguous.
    """
    named = [thing for thing in things if thing.name == text]
    own = [thing for thing in named if not thing.is_shared]
    return [thing for thing in things if thing.id == text] or own or named


def join_names(names: Sequence[str], *, longest: int = MAX_LISTED) -> str:
    """The names with commas; of a list that is longer only the beginning."""
    more = f" and {len(names) - longest} more" if len(names) > longest else ""
    return ", ".join(names[:longest]) + more


def why_left_out(router: Router) -> str:
    """What to say of a router that is not ours, where all routers are meant."""
    return (
        f"router {router.display_name} is left out: it belongs to project {router.shared_by}, and only that project"
        " sees its flow logs"
    )


def why_hidden(router: Router, error: ApiError) -> str:
    """What to say of a router that is not ours, where it is named."""
    what = (
        f"router {router.display_name} belongs to project {router.shared_by}, and only that project sees its flow logs:"
        " declare them there"
    )
    # The service's words are about permissions, which are not at fault.
    return str(ApiError(what, **error.details))


def unique_names(things: Sequence[Named]) -> dict[str, str]:
    """By id, the text by which a stack file can name each thing: its name if no other has it, or else its id."""
    counts = Counter(thing.name for thing in things)
    ids = {thing.id for thing in things}
    return {
        thing.id: thing.name if thing.name and counts[thing.name] == 1 and thing.name not in ids else thing.id
        for thing in things
    }
