#!/usr/bin/env python3
"""Writes the comment of a pull or merge request, and the issue on drift, on GitHub or GitLab. Never two of either.

    forge.py comment FILE   create or update the comment with the text of the file
    forge.py no-comment     no stack is touched: update the comment if there is one
    forge.py issue FILE     create or update the open issue with the text of the file
    forge.py all-well       close the issue if there is one

Address and credentials come from the variables of GitHub Actions (with GH_TOKEN and PULL_REQUEST) or of GitLab CI (with
GITLAB_TOKEN). It finds its comment and its issue by the first line that stacks.review writes.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MARKER = "<!-- otc-flow-logs review -->"
TITLE = "Flow logs drifted"
NO_STACK = f"{MARKER}\n## Flow logs: no stack is touched"
PAGE = 100
SECONDS = 60


class ForgeError(Exception):
    """The command failed; the text is one sentence."""


Item = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """Comments of the request, or open issues.

    Attributes:
        path: The path of the list.
        query: The query that limits the list to these.
        text: The property that has the text.
        item_path: The path of an item.
    """

    path: str
    query: str
    text: str
    item_path: Callable[[Item], str]


@dataclass(frozen=True)
class Forge:
    """The differences between GitHub and GitLab.

    Attributes:
        url: The address of the API.
        headers: The headers that authenticate.
        update: The HTTP method of a change.
        closed: The body that closes an issue.
        is_own: Whether the item was written with these credentials.
        comments: The comments of the request.
        issues: The open issues of the project.
    """

    url: str
    headers: Mapping[str, str]
    update: str
    closed: Mapping[str, str]
    is_own: Callable[[Forge, Item], bool]
    comments: Kind
    issues: Kind

    def call(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        """Call the API; its answer.

        Raises:
            ForgeError: The API refused or did not answer.
        """
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={**self.headers, "Content-Type": "application/json", "Accept": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ForgeError(f"{method} {path} was refused: {error.code} {error.reason}.") from None
        except (OSError, ValueError) as error:
            raise ForgeError(f"{method} {path} got no valid answer: {error}.") from None

    def find(self, kind: Kind) -> list[Item]:
        """The items that this program has written, the oldest first."""
        marked = [item for item in self._list(kind) if str(item.get(kind.text) or "").startswith(MARKER)]
        return sorted((item for item in marked if self.is_own(self, item)), key=lambda item: int(item["id"]))

    def _list(self, kind: Kind) -> Iterator[Item]:
        for page in itertools.count(1):
            found = self.call("GET", f"{kind.path}?{kind.query}per_page={PAGE}&page={page}")
            yield from found
            if len(found) < PAGE:
                return

    def write(self, kind: Kind, text: str, **new: str) -> None:
        """Update the item with this text, or create it; `new` are further properties of a new item."""
        items = self.find(kind)
        if items:
            self.call(self.update, kind.item_path(items[0]), {kind.text: text})
        else:
            self.call("POST", kind.path, {kind.text: text, **new})

    def close_issues(self) -> None:
        for issue in self.find(self.issues):
            self.call(self.update, self.issues.item_path(issue), self.closed)


def github(environment: Mapping[str, str]) -> Forge:
    issues = f"/repos/{environment['GITHUB_REPOSITORY']}/issues"
    return Forge(
        url=environment["GITHUB_API_URL"],
        headers={"Authorization": f"Bearer {environment['GH_TOKEN']}"},
        update="PATCH",
        closed={"state": "closed"},
        # GitHub lists pull requests as issues too.
        is_own=lambda _, item: item["user"]["type"] == "Bot" and "pull_request" not in item,
        comments=Kind(
            f"{issues}/{environment.get('PULL_REQUEST')}/comments",
            "",
            "body",
            lambda item: f"{issues}/comments/{item['id']}",
        ),
        issues=Kind(issues, "state=open&", "body", lambda item: f"{issues}/{item['number']}"),
    )


def gitlab(environment: Mapping[str, str]) -> Forge:
    project = f"/projects/{environment['CI_PROJECT_ID']}"
    issues, notes = f"{project}/issues", f"{project}/merge_requests/{environment.get('CI_MERGE_REQUEST_IID')}/notes"
    return Forge(
        url=environment["CI_API_V4_URL"],
        headers={"PRIVATE-TOKEN": environment["GITLAB_TOKEN"]},
        update="PUT",
        closed={"state_event": "close"},
        is_own=lambda forge, item: bool(item["author"]["id"] == forge.call("GET", "/user")["id"]),
        comments=Kind(notes, "", "body", lambda item: f"{notes}/{item['id']}"),
        issues=Kind(issues, "state=opened&", "description", lambda item: f"{issues}/{item['iid']}"),
    )


def run(arguments: list[str], environment: Mapping[str, str]) -> None:
    """Run the command.

    Raises:
        ForgeError: It failed.
    """
    try:
        forge = (gitlab if environment.get("GITLAB_CI") else github)(environment)
    except KeyError as error:
        raise ForgeError(f"The variable {error.args[0]} is not set.") from None
    match arguments:
        case ["comment", file]:
            forge.write(forge.comments, Path(file).read_text(encoding="utf-8"))
        case ["no-comment"]:
            if forge.find(forge.comments):
                forge.write(forge.comments, NO_STACK)
        case ["issue", file]:
            forge.write(forge.issues, Path(file).read_text(encoding="utf-8"), title=TITLE)
        case ["all-well"]:
            forge.close_issues()
        case _:
            raise ForgeError("usage: forge.py comment FILE | no-comment | issue FILE | all-well")


if __name__ == "__main__":
    if "--help" in sys.argv:
        print(__doc__)
        sys.exit()
    try:
        run(sys.argv[1:], os.environ)
    except (ForgeError, OSError) as error:
        sys.exit(f"error: {error}")
