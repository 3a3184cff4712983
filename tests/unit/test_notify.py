"""The report in a chat: what a webhook of each form receives from `ci/scripts/notify.py`, and its failures."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stacks.commands.review.markdown import code, prose

SCRIPT = Path(__file__).resolve().parents[2] / "ci" / "scripts" / "notify.py"
NOTIFY = runpy.run_path(str(SCRIPT))
URL, FORM, SECRET = "OTC_FLOW_LOGS_WEBHOOK", "OTC_FLOW_LOGS_WEBHOOK_FORM", "s3cr3t-path"
HOSTILE = "<!channel> | [a](http://x) *b* @all &amp;"
REPORT = f"""<!-- otc-flow-logs review -->
## Flow logs: 1 to change

### Stack `prod`

**⚠️ 1 to delete: the record ends**

<details open><summary><b>2 to change</b></summary>

| router | attachment | what changes |
| --- | --- | --- |
| `er-core` | `vpc-shop` (was changed by hand) | enabled: `false` → `true`<br>name: {code(f"`{HOSTILE}")} |

</details>
- {prose(HOSTILE)}
"""
NAME = f"'{HOSTILE}"


def read(text: str) -> list[str]:
    """The lines of a message as people read them. It notifies nobody: a mention is in code, or is none any more."""
    assert "@all" not in re.sub("`[^`]*`", "", text)
    return text.replace("\u2060", "").replace("`", "").splitlines()


class Webhook(BaseHTTPRequestHandler):
    answers: list[tuple[int, dict[str, str]]]
    received: list[Any]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.path, json.loads(body)))
        status, headers = self.answers.pop() if self.answers else (200, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Webhook]]:
    monkeypatch.setenv("no_proxy", "*")
    handler = type("Handler", (Webhook,), {"answers": [], "received": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.url = f"http://127.0.0.1:{server.server_port}/{SECRET}"  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


def notify(folder: Path, text: str = REPORT, **environment: str) -> str:
    """Post the report; the error, if there is one."""
    file = folder / "drift.md"
    file.write_text(text, encoding="utf-8")
    try:
        NOTIFY["run"]([str(file)], environment)
    except NOTIFY["NotifyError"] as error:
        return str(error)
    return ""


def post(webhook: Any, folder: Path, **environment: str) -> Any:
    assert notify(folder, **{URL: webhook.url, **environment}) == ""
    ((path, body),) = webhook.received
    assert path == f"/{SECRET}"
    return body


def test_slack_gets_its_own_markup_and_no_mention(webhook: Any, tmp_path: Path) -> None:
    pipeline = "https://gitlab.example/p/1"
    body = post(webhook, tmp_path, **{FORM: "slack", "CI_PIPELINE_URL": pipeline})
    name, text = (part.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for part in (NAME, HOSTILE))
    assert read(body["text"]) == [
        "*Flow logs: 1 to change*",
        "*Stack prod*",
        "*⚠️ 1 to delete: the record ends*",
        "*2 to change*",
        f"- er-core · vpc-shop (was changed by hand) · enabled: false → true · name: {name}",
        f"- {text}",
        pipeline,
    ]
    assert "· enabled: `false` → `true` ·" in body["text"]


def test_mattermost_is_the_form_of_other_hosts(webhook: Any, tmp_path: Path) -> None:
    text = post(webhook, tmp_path)["text"]
    lines = read(text)
    assert lines[0] == "**Flow logs: 1 to change**"
    assert lines[4].endswith(f"· name: {NAME}")
    assert lines[5].replace("\\", "") == f"- {HOSTILE}"
    assert "[a]" not in re.sub("`[^`]*`", "", text)


def test_teams_gets_a_card_of_plain_text(webhook: Any, tmp_path: Path) -> None:
    run = {"GITHUB_RUN_ID": "7", "GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "team/logs"}
    (attachment,) = post(webhook, tmp_path, **{FORM: "teams"}, **run)["attachments"]
    card = attachment["content"]
    assert (attachment["contentType"], card["type"]) == ("application/vnd.microsoft.card.adaptive", "AdaptiveCard")
    texts = ["".join(run["text"] for run in block["inlines"]) for block in card["body"]]
    assert texts[0] == "Flow logs: 1 to change"
    assert texts[5].replace("\u2060", "") == f"- {HOSTILE}"
    assert card["body"][4]["inlines"][1] == {"type": "TextRun", "text": "er-core", "fontType": "monospace"}
    assert [action["url"] for action in card["actions"]] == ["https://github.example/team/logs/actions/runs/7"]


@pytest.mark.parametrize(
    ("host", "form", "found"),
    [
        ("hooks.slack.com", "", "slack"),
        ("prod-1.westeurope.logic.azure.com", "", "teams"),
        ("a1.environment.api.powerplatform.com", "", "teams"),
        ("team.webhook.office.com", "", "teams"),
        ("chat.example", "", "mattermost"),
        ("chat.example", "slack", "slack"),
    ],
)
def test_form_follows_from_the_host_or_the_variable(host: str, form: str, found: str) -> None:
    assert NOTIFY["find_form"](host, form) == found


def test_long_report_is_cut_at_a_line(webhook: Any, tmp_path: Path) -> None:
    rows = [f"| `vpc-{number}` | {'x' * 100} |" for number in range(500)]
    for form, size in (("slack", 4000), ("mattermost", 4000), ("teams", 28_000)):
        webhook.received.clear()
        assert notify(tmp_path, "\n".join(rows), **{URL: webhook.url, FORM: form}) == ""
        ((_, body),) = webhook.received
        assert len(json.dumps(body)) < size
        assert "And 47" in json.dumps(body)


def test_without_a_webhook_nothing_happens(webhook: Any, tmp_path: Path) -> None:
    assert notify(tmp_path) == ""
    assert notify(tmp_path, **{URL: ""}) == ""
    assert webhook.received == []


@pytest.mark.parametrize(
    ("url", "form", "sentence"),
    [
        (f"http://127.0.0.1:9/{SECRET}", "", f"the webhook did not answer (Connection refused): check {URL}."),
        (f"hooks.example/{SECRET}", "", f"{URL} is not a valid URL."),
        (f"https://x.example/{SECRET} ü", "", f"{URL} is not a valid URL."),
        (f"file:///tmp/{SECRET}", "", f"{URL} is not a valid URL."),
        (f"http://127.0.0.1:port/{SECRET}", "", f"{URL} is not a valid URL."),
        (f"http://.example/{SECRET}", "", f"the webhook did not answer (UnicodeError): check {URL}."),
        (f"http://127.0.0.1/{SECRET}", "irc", f"{FORM} must be slack, mattermost, teams, not 'irc'."),
    ],
)
def test_failure_is_one_sentence_without_the_url(tmp_path: Path, url: str, form: str, sentence: str) -> None:
    assert notify(tmp_path, **{URL: url, FORM: form}) == sentence


@pytest.mark.parametrize(("status", "headers"), [(404, {}), (302, {"Location": "http://127.0.0.1:9/elsewhere"})])
def test_refusal_is_an_error_and_a_redirect_is_not_followed(
    webhook: Any, tmp_path: Path, status: int, headers: dict[str, str]
) -> None:
    webhook.answers.append((status, headers))
    assert notify(tmp_path, **{URL: webhook.url}) == f"the webhook answered with HTTP {status}: check {URL}."


def test_webhook_that_answers_too_slowly_is_given_up(
    webhook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(NOTIFY["post"].__globals__, "SECONDS", 1)

    def drip(handler: Any) -> None:
        for _ in range(30):
            handler.wfile.write(b"H")
            time.sleep(0.1)

    webhook.do_POST = drip
    assert notify(tmp_path, **{URL: webhook.url}) == f"the webhook did not answer (TimeoutError): check {URL}."


def test_command_prints_one_sentence_if_the_report_was_not_posted(tmp_path: Path) -> None:
    (tmp_path / "drift.md").write_text(REPORT, encoding="utf-8")
    environment = {URL: f"http://127.0.0.1:9/{SECRET}", "no_proxy": "*"}
    command = [sys.executable, str(SCRIPT), "drift.md"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    sentence = f"error: the report was not posted: the webhook did not answer (Connection refused): check {URL}.\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", sentence)
