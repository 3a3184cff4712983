"""Finding what a stack file names, by id or by name."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from typing import Protocol, TypeVar

from stacks.errors import Problem

LISTED = 20
"""How many candidates a message gives before it only counts them."""


class Named(Protocol):
    """Something with an id and a name, which may be empty or shared."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


def find(where: str, what: str, named: str, things: Sequence[N]) -> N | Problem:
    """The one thing of this id or name, or what is wrong with the key `where` of the stack file that names it.

    Args:
        where: The key.
        what: What is looked for, such as "log group".
        named: The id or name.
        things: Those there are.
    """
    found = matching(named, things)
    if len(found) == 1:
        return found[0]
    if found:
        ids = listed([one.id for one in found])
        return Problem(where, f"the name {named!r} fits {len(found)} of them; use an id: {ids}")
    names = sorted(one.name or one.id for one in things)
    close = difflib.get_close_matches(named, names)
    known = listed([*close, *(name for name in names if name not in close)]) or "none"
    return Problem(where, f"there is no {what} with id or name {named!r}; there are: {known}")


def matching(named: str, things: Sequence[N]) -> list[N]:
    """The things of this id; if there is none, those of this name."""
    return [one for one in things if one.id == named] or [one for one in things if one.name == named]


def listed(names: Sequence[str]) -> str:
    """The names with commas, the first of them if there are many."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def callable_names(things: Sequence[Named]) -> dict[str, str]:
    """By id, what a stack file may call each thing: its name if that is one thing's alone, else its id."""
    counts = Counter(one.name for one in things)
    ids = {one.id for one in things}
    return {
        one.id: one.name if one.name and counts[one.name] == 1 and one.name not in ids else one.id for one in things
    }
