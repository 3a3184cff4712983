"""Templates of flow logs' names, such as `{router}-{attachment}`."""

from __future__ import annotations

import string

PLACEHOLDERS = ("stack", "router", "attachment", "type", "stream", "id", "hash")
"""`{stack}`, `{router}` (the key of the stack file under which the flow log was first declared), `{attachment}` (its
name), `{type}` and `{id}` (the attachment's), `{stream}` (the log stream's name), `{hash}` (8 hexadecimal digits of the
id)."""


class TemplateError(ValueError):
    """A template that cannot be filled in; the text is one sentence."""


def check_template(template: str) -> str:
    """The template, if it has only placeholders of this module, without formats.

    Raises:
        TemplateError: It has others; the text names what is wrong, and the placeholders.
    """
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise TemplateError(f"is not a template: {error}") from None
    for _, field, format_, conversion in parts:
        if field is not None and field not in PLACEHOLDERS:
            raise TemplateError(f"has the unknown placeholder {{{field}}}; placeholders are {known}")
        if format_ or conversion:
            raise TemplateError(f"gives {{{field}}} a format, which is not supported; placeholders are {known}")
    return template
