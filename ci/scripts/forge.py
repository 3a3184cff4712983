#!/usr/bin/env python3
"""Tells people: the comment of a pull or merge request, and the issue on drift. Never a second one of either.

    forge.py comment FILE   the request's comment is what the file says
    forge.py no-comment     no stack is touched (any more): only a comment that is there already says so
    forge.py issue FILE     there is one open issue, and it is what the file says
    forge.py all-well       there is none (any more)

Where it is and who it is, it learns from the variables of GitHub Actions (with GH_TOKEN and PULL_REQUEST) or of GitLab
CI (with GITLAB_TOKEN). Comment and issue are found by the first line of what stacks.review writes.
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
    """What went wrong, in one sentence."""


Item = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """Comments of the request, or open issues.

    Attributes:
        path: Where new ones go.
        query: What to add for a list of those that count.
        text: The property that holds the text.
        place: The path of one of them.
    """

    path: str
    query: str
    text: str
    place: Callable[[Item], str]


@dataclass(frozen=True)
class Forge:
    """GitHub or GitLab, and where they differ.

    Attributes:
        url: Of the API.
        headers: They say who is asking.
        update: The method that changes something.
        closed: What makes an issue a closed one.
        is_ours: Whether something was written by a program like this one.
        comments: Those of the request.
        issues: Those of the project that are open.
    """

    url: str
    headers: Mapping[str, str]
    update: str
    closed: Mapping[str, str]
    is_ours: Callable[[Forge, Item], bool]
    comments: Kind
    issues: Kind

    def call(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        """What the API answers.

        Raises:
            ForgeError: It refused or did not answer.
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
            raise ForgeError(f"{method} {path} was not answered: {error}.") from None

    def ours(self, kind: Kind) -> list[Item]:
        """Those with the marker, the oldest first."""
        found = [one for one in self._all(kind) if str(one.get(kind.text) or "").startswith(MARKER)]
        return sorted((one for one in found if self.is_ours(self, one)), key=lambda one: int(one["id"]))

    def _all(self, kind: Kind) -> Iterator[Item]:
        for page in itertools.count(1):
            found = self.call("GET", f"{kind.path}?{kind.query}per_page={PAGE}&page={page}")
            yield from found
            if len(found) < PAGE:
                return

    def tell(self, kind: Kind, text: str, **new: str) -> None:
        """Have this text in the one that is there, or in a new one; `new` is what else that has."""
        there = self.ours(kind)
        if there:
            self.call(self.update, kind.place(there[0]), {kind.text: text})
        else:
            self.call("POST", kind.path, {kind.text: text, **new})

    def close_issues(self) -> None:
        for one in self.ours(self.issues):
            self.call(self.update, self.issues.place(one), self.closed)


def github(environment: Mapping[str, str]) -> Forge:
    issues = f"/repos/{environment['GITHUB_REPOSITORY']}/issues"
    return Forge(
        url=environment["GITHUB_API_URL"],
        headers={"Authorization": f"Bearer {environment['GH_TOKEN']}"},
        update="PATCH",
        closed={"state": "closed"},
        # To GitHub a pull request is an issue, too.
        is_ours=lambda _, one: one["user"]["type"] == "Bot" and "pull_request" not in one,
        comments=Kind(
            f"{issues}/{environment.get('PULL_REQUEST')}/comments",
            "",
            "body",
            lambda one: f"{issues}/comments/{one['id']}",
        ),
        issues=Kind(issues, "state=open&", "body", lambda one: f"{issues}/{one['number']}"),
    )


def gitlab(environment: Mapping[str, str]) -> Forge:
    project = f"/projects/{environment['CI_PROJECT_ID']}"
    issues, notes = f"{project}/issues", f"{project}/merge_requests/{environment.get('CI_MERGE_REQUEST_IID')}/notes"
    return Forge(
        url=environment["CI_API_V4_URL"],
        headers={"PRIVATE-TOKEN": environment["GITLAB_TOKEN"]},
        update="PUT",
        closed={"state_event": "close"},
        is_ours=lambda forge, one: bool(one["author"]["id"] == forge.call("GET", "/user")["id"]),
        comments=Kind(notes, "", "body", lambda one: f"{notes}/{one['id']}"),
        issues=Kind(issues, "state=opened&", "description", lambda one: f"{issues}/{one['iid']}"),
    )


def run(arguments: list[str], environment: Mapping[str, str]) -> None:
    """Do it.

    Raises:
        ForgeError: It could not be done.
    """
    try:
        forge = (gitlab if environment.get("GITLAB_CI") else github)(environment)
    except KeyError as error:
        raise ForgeError(f"The variable {error.args[0]} is not set.") from None
    match arguments:
        case ["comment", file]:
            forge.tell(forge.comments, Path(file).read_text(encoding="utf-8"))
        case ["no-comment"]:
            if forge.ours(forge.comments):
                forge.tell(forge.comments, NO_STACK)
        case ["issue", file]:
            forge.tell(forge.issues, Path(file).read_text(encoding="utf-8"), title=TITLE)
        case ["all-well"]:
            forge.close_issues()
        case _:
            raise ForgeError("usage: forge.py comment FILE | no-comment | issue FILE | all-well")


if __name__ == "__main__":
    try:
        run(sys.argv[1:], os.environ)
    except (ForgeError, OSError) as error:
        sys.exit(f"error: {error}")
