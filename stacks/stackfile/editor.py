"""Changes the text of a stack file, and leaves its other lines, with their comments, as they are."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from providers.config_keys import qualified
from stacks.stackfile.writer import INDENT, WIDTH, dump, in_flow_style, scalar

_ROUTERS = qualified("routers")

Cut = tuple[int, int, str]
"""A part of a text, from its first character to before its last, and what replaces it."""


class EditError(ValueError):
    """The stack file was not changed; the text is one sentence."""


def format_sections(sections: Mapping[str, Any], comments: Sequence[str], place: Mapping[str, str]) -> str:
    """The lines of a stack file below `config:`, not indented.

    Args:
        sections: `routers` and the like, as a stack file has them.
        comments: What to write above them.
        place: The region and the project, by key without the namespace; empty if the file has them.
    """
    return (dump(_qualify(place)) if place else "") + (_format(_qualify(sections), comments) if sections else "")


def _format(values: Mapping[str, Any], comments: Sequence[str]) -> str:
    lines = [line for comment in comments for line in textwrap.wrap(comment, WIDTH, break_on_hyphens=False)]
    return "".join(f"# {line}\n" for line in lines) + dump(values)


def add_sections(text: str, sections: Mapping[str, Any], comments: Sequence[str], place: Mapping[str, str]) -> str:
    """The text of the stack file with the sections added.

    Args:
        text: The file as it is; empty if there is none. If it has routers, others are added to them.
        sections: As for `format_sections`.
        comments: What to write above them.
        place: As for `format_sections`.

    Raises:
        EditError: The file has a form that nothing can be added to.
    """
    document = yaml.safe_load(text) or {}
    config = document.get("config") or {}
    expected = {**config, **_qualify({**place, **sections})}
    edited = text
    if own := routers_of(text):
        expected[_ROUTERS] = {**own, **sections["routers"]}
        edited = _add_routers(text, sections["routers"], comments)
        sections, comments = {key: value for key, value in sections.items() if key != "routers"}, ()
    if sections or place:
        edited = _add_to_config(edited, format_sections(sections, comments, place), has_config="config" in document)
    try:
        if yaml.safe_load(edited) == {**document, "config": expected}:
            return edited
    except yaml.YAMLError:
        pass
    raise EditError(
        "its keys must be below a line `config:`, one key per line: change it, or use ARGS=--print to see what to add"
    )


def _add_routers(text: str, routers: Mapping[str, Any], comments: Sequence[str]) -> str:
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for name in ("config", _ROUTERS):
        node = next(value for key, value in node.value if key.value == name)
    return _insert(text, _line_end(text, _end(node)), _format(routers, comments), " " * node.start_mark.column)


def _add_to_config(text: str, section: str, *, has_config: bool) -> str:
    lines = text.splitlines(keepends=True)
    if not has_config:
        return _insert(text, len(text), f"config:\n{textwrap.indent(section, INDENT)}", "")
    position = next((index for index, line in enumerate(lines, 1) if _starts_config(line)), len(lines))
    first = next((line for line in lines[position:] if line.strip() and not line.lstrip().startswith("#")), "")
    indent = first[: len(first) - len(first.lstrip(" "))] or INDENT
    return _insert(text, len("".join(lines[:position])), section, indent)


def _insert(text: str, position: int, lines: str, indent: str) -> str:
    """The text with these lines added at the beginning of a line."""
    return text[:position] + _new_lines(text[:position], textwrap.indent(lines, indent)) + text[position:]


def _new_lines(before: str, lines: str) -> str:
    """The lines as they follow this text, whose last line may lack its end, and which may have Windows' line ends."""
    separator = "" if before.endswith("\n") or not before else "\n"
    return (separator + lines).replace("\n", "\r\n" if "\r\n" in before else "\n")


def routers_of(text: str) -> dict[str, dict[str, Any]]:
    """The routers in the text of a stack file, by key.

    Raises:
        EditError: They are not written as YAML.
    """
    config = (yaml.safe_load(text) or {}).get("config") or {}
    routers = config.get(_ROUTERS) or {}
    if not (isinstance(routers, dict) and all(isinstance(router, dict) for router in routers.values())):
        raise EditError("its routers must be a mapping of router keys to their settings")
    return routers


def change_routers(text: str, routers: Mapping[str, Any]) -> str:
    """The text of the stack file with other routers: what is added is on the line of its key.

    Args:
        text: The file as it is.
        routers: What it is to contain, by key.

    Raises:
        EditError: The file has a form that cannot be changed like this, such as an alias.
    """
    old = yaml.safe_load(text)
    document = {**old, "config": {**old["config"], _ROUTERS: routers}}
    edited, node = text, yaml.compose(text, Loader=yaml.SafeLoader)
    cuts = _find_cuts(text, node, old, document) if node else ()
    for start, end, new in sorted(cuts, reverse=True):
        edited = edited[:start] + new + edited[end:]
    try:
        if yaml.safe_load(edited) == document:
            return edited
    except yaml.YAMLError:
        pass
    raise EditError("it has a form that cannot be changed automatically, such as an alias or a text of several lines")


def _find_cuts(text: str, node: yaml.Node, old: Any, new: Any, *, key_end: int = 0) -> Iterator[Cut]:
    """What to change in the text of this node, whose value is `old`, and whose key ends there."""
    if old == new:
        return
    if isinstance(node, yaml.MappingNode) and isinstance(new, Mapping) and new:
        keys = [key.value for key, _ in node.value]
        yield from _remove(text, node, [index for index, key in enumerate(keys) if key not in new])
        for key, value in node.value:
            if key.value in new and key.value in old:
                yield from _find_cuts(text, value, old[key.value], new[key.value], key_end=key.end_mark.index)
        added = [f"{scalar(key)}: {in_flow_style(value)}" for key, value in new.items() if key not in old]
        yield from _append(text, node, added)
        return
    kept = [item for item in old if item in new] if isinstance(old, list) and isinstance(new, list) else []
    if isinstance(node, yaml.SequenceNode) and kept and new[: len(kept)] == kept:
        yield from _remove(text, node, [index for index, item in enumerate(old) if item not in new])
        yield from _append(text, node, [in_flow_style(item) for item in new[len(kept) :]])
    elif _is_block(node):
        yield key_end, _end(node), f": {in_flow_style(new)}"
    else:
        yield node.start_mark.index, node.end_mark.index, in_flow_style(new)


def _remove(text: str, node: yaml.CollectionNode, indexes: Sequence[int]) -> Iterator[Cut]:
    """Remove these items of a list, or keys of a mapping, which has others."""
    spans = [_span(item) for item in node.value]
    if _is_block(node):
        yield from ((_line_start(text, spans[index][0]), _line_end(text, spans[index][1]), "") for index in indexes)
    elif indexes:
        last = max(set(range(len(spans))).difference(indexes))
        yield from ((spans[index][0], spans[index + 1][0], "") for index in indexes if index < last)
        yield spans[last][1], spans[-1][1], ""


def _append(text: str, node: yaml.CollectionNode, items: Sequence[str]) -> Iterator[Cut]:
    """Add these items to a list, or keys to a mapping."""
    if not items:
        return
    if not node.value:
        yield node.start_mark.index + 1, node.start_mark.index + 1, ", ".join(items)
    elif node.flow_style:
        end = _end(node.value[-1])
        yield end, end, "".join(f", {item}" for item in items)
    else:
        end = _line_end(text, _end(node.value[-1]))
        begin = " " * node.start_mark.column + ("- " if isinstance(node, yaml.SequenceNode) else "")
        yield end, end, _new_lines(text[:end], "".join(f"{begin}{item}\n" for item in items))


def _span(item: Any) -> tuple[int, int]:
    """Where an item of a list, or a key with its value, begins and ends."""
    return (item[0] if isinstance(item, tuple) else item).start_mark.index, _end(item)


def _end(item: Any) -> int:
    """Where a node, or a key with its value, ends; without the comments that follow."""
    node = item[1] if isinstance(item, tuple) else item
    return _end(node.value[-1]) if _is_block(node) else node.end_mark.index


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def _line_start(text: str, position: int) -> int:
    return text.rfind("\n", 0, position) + 1


def _line_end(text: str, position: int) -> int:
    """The beginning of the next line; block scalars end there already."""
    return text.find("\n", max(0, position - 1)) + 1 or len(text)


def _starts_config(line: str) -> bool:
    return re.fullmatch(r"config:\s*(#.*)?", line.rstrip()) is not None


def _qualify(values: Mapping[str, Any]) -> dict[str, Any]:
    return {qualified(key): value for key, value in values.items()}
