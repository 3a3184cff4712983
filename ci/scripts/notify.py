#!/usr/bin/env python3
"""Posts a report to a chat, through an incoming webhook of Slack, Mattermost or Microsoft Teams.

    notify.py FILE   post the Markdown of the file; without a webhook, do nothing

The variable OTC_FLOW_LOGS_WEBHOOK has the webhook's URL, which is a secret and is never printed. Its host tells Slack
and Teams; OTC_FLOW_LOGS_WEBHOOK_FORM (slack, mattermost or teams) is for hosts of your own, which are Mattermost's form
by default. Like forge.py, it needs only Python, so that nothing that is installed can read the secret.
"""

from __future__ import annotations

import html
import http.client
import itertools
import json
import os
import re
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

URL, FORM = "OTC_FLOW_LOGS_WEBHOOK", "OTC_FLOW_LOGS_WEBHOOK_FORM"
SECONDS = 30
MAX_LINES = 30
MAX_LENGTH = 3500  # characters: Slack cuts texts beyond 4,000, and Teams refuses cards beyond 28 KB
TEAMS_HOSTS = ("webhook.office.com", "logic.azure.com", "api.powerplatform.com")

_STYLED = re.compile(r"`([^`]+)`|<code>(.*?)</code>|\*\*(.+?)\*\*|<b>(.+?)</b>")
_TAG = re.compile(r"</?[a-z][^>]*>")
_TABLE_RULE = re.compile(r"\|( ?-+ ?\|)+")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#!|<>~])")


class NotifyError(Exception):
    """The report was not posted; the text is one sentence without the URL."""


@dataclass(frozen=True)
class Piece:
    """A part of a line: plain text, a name in code, or bold text."""

    text: str
    is_code: bool = False
    is_bold: bool = False


Line = Sequence[Piece]


def read_lines(markdown: str) -> list[Line]:
    """The lines of a report; those of its tables are items of lists, since chats have no tables."""
    texts = [*markdown.splitlines(), ""]
    return [
        line
        for text, following in itertools.pairwise(texts)
        if not (_TABLE_RULE.fullmatch(text) or _TABLE_RULE.fullmatch(following)) and (line := list(_read_line(text)))
    ]


def _read_line(text: str) -> Iterator[Piece]:
    if text.startswith("#"):
        yield Piece(_plain(text.lstrip("# ").replace("`", "")), is_bold=True)
        return
    if text.startswith("|"):
        text = "- " + " · ".join(cell.strip() for cell in text.strip("| ").split("|"))
    text, end = text.replace("<br>", " · "), 0
    for match in _STYLED.finditer(text):
        yield from _piece(text[end : match.start()])
        code, html_code, bold, html_bold = match.groups()
        if code:
            yield Piece(code, is_code=True)
        yield from _piece(html_code or "", is_code=True)
        yield from _piece((bold or html_bold or "").replace("`", ""), is_bold=True)
        end = match.end()
    yield from _piece(text[end:])


def _piece(text: str, **style: bool) -> Iterator[Piece]:
    if plain := _plain(text):
        yield Piece(plain, **style)


def _plain(text: str) -> str:
    """The text without HTML."""
    return html.unescape(_TAG.sub("", re.sub("<!--.*?-->", "", text)))


def cut(lines: Sequence[Line]) -> list[Line]:
    """As many lines as a message may have."""
    lengths = itertools.accumulate(sum(len(piece.text) for piece in line) for line in lines)
    kept = sum(length <= MAX_LENGTH for length in itertools.islice(lengths, MAX_LINES))
    more = len(lines) - kept
    return [*lines[:kept], *([[Piece(f"And {more} more line{'s' if more > 1 else ''}.")]] if more else [])]


def slack(lines: Sequence[Line], link: str) -> dict[str, Any]:
    """docs.slack.dev: formatting message text."""

    def show(piece: Piece) -> str:
        text = html.escape(piece.text, quote=False)
        if piece.is_code:
            return f"`{text.replace('`', chr(39))}`"
        return f"*{text}*" if piece.is_bold else text

    return {"text": "\n".join(["".join(map(show, line)) for line in lines] + ([link] if link else []))}


def mattermost(lines: Sequence[Line], link: str) -> dict[str, Any]:
    """docs.mattermost.com: incoming webhooks."""

    def show(piece: Piece) -> str:
        if piece.is_code:
            return f"`{piece.text.replace('`', chr(39))}`"
        text = _MARKDOWN.sub(r"\\\1", piece.text)
        return f"**{text}**" if piece.is_bold else text

    return {"text": "\n".join(["".join(map(show, line)) for line in lines] + ([f"\n{link}"] if link else []))}


def teams(lines: Sequence[Line], link: str) -> dict[str, Any]:
    """learn.microsoft.com: create incoming webhooks with Workflows. A TextRun is text, without any Markdown in it."""

    def show(piece: Piece) -> dict[str, str]:
        style = {"fontType": "monospace"} if piece.is_code else {"weight": "bolder"} if piece.is_bold else {}
        return {"type": "TextRun", "text": piece.text, **style}

    card = {
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [{"type": "RichTextBlock", "inlines": list(map(show, line))} for line in lines],
        "actions": [{"type": "Action.OpenUrl", "title": "Open the report", "url": link}] if link else [],
    }
    content_type = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": content_type, "content": card}]}


FORMS: Mapping[str, Callable[[Sequence[Line], str], dict[str, Any]]] = {
    "slack": slack,
    "mattermost": mattermost,
    "teams": teams,
}


def find_host(url: str) -> str:
    """The host of the webhook; empty if this is no URL of one."""
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in ("http", "https") and parts.port != 0 and re.fullmatch("[!-~]+", url)
    except ValueError:
        return ""
    return (parts.hostname or "") if is_valid else ""


def find_form(host: str, form: str) -> str:
    """The name of the webhook's form.

    Raises:
        NotifyError: There is no such form.
    """
    if form and form not in FORMS:
        raise NotifyError(f"{FORM} must be {', '.join(FORMS)}, not {form!r}.")
    if host.startswith("hooks.slack"):
        return form or "slack"
    return form or ("teams" if host.endswith(TEAMS_HOSTS) else "mattermost")


def find_link(environment: Mapping[str, str]) -> str:
    """The page of the running pipeline; empty outside of pipelines."""
    if environment.get("GITHUB_RUN_ID"):
        repository = f"{environment['GITHUB_SERVER_URL']}/{environment['GITHUB_REPOSITORY']}"
        return f"{repository}/actions/runs/{environment['GITHUB_RUN_ID']}"
    return environment.get("CI_PIPELINE_URL", "")


class _WithoutRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """None: the report goes to no other address, and the redirect is an error."""


def post(url: str, body: Mapping[str, Any]) -> None:
    """Post the message.

    Raises:
        NotifyError: The webhook refused or did not answer.
    """
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def give_up(*_: object) -> None:
        raise TimeoutError

    # The timeout of sockets is for each read: a server that sends a byte now and then would be waited for without end.
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(SECONDS)
    try:
        urllib.request.build_opener(_WithoutRedirects).open(request).close()
    except urllib.error.HTTPError as error:
        raise NotifyError(f"the webhook answered with HTTP {error.code}: check {URL}.") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        # The texts of some errors have the URL.
        reason = getattr(error, "reason", error)
        cause = reason.strerror if isinstance(reason, OSError) else None
        raise NotifyError(f"the webhook did not answer ({cause or type(reason).__name__}): check {URL}.") from None
    finally:
        signal.alarm(0)


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Post the file, if there is a webhook.

    Raises:
        NotifyError: It was not posted.
        OSError: The file cannot be read.
    """
    if len(arguments) != 1:
        raise NotifyError("usage: notify.py FILE")
    url = environment.get(URL, "").strip()
    if not url:
        return
    host = find_host(url)
    if not host:
        raise NotifyError(f"{URL} is not a valid URL.")
    lines = cut(read_lines(Path(arguments[0]).read_text(encoding="utf-8", errors="replace")))
    form = find_form(host, environment.get(FORM, "").strip())
    post(url, FORMS[form](lines, find_link(environment)))


if __name__ == "__main__":
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(__doc__)
    else:
        try:
            run(sys.argv[1:], os.environ)
        except (NotifyError, OSError) as error:
            sys.exit(f"error: the report was not posted: {error}")
