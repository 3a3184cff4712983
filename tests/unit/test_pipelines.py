"""The pipelines that teams copy: their permissions and pins, the stacks that a change touches, and the comments."""

from __future__ import annotations

import itertools
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "ci" / "scripts"
WORKFLOWS = sorted((ROOT / "ci" / "github").glob("*.yml"))
PIPELINES = [*WORKFLOWS, *sorted((ROOT / "ci" / "gitlab").glob("*.yml")), ROOT / "ci" / "gitlab" / ".gitlab-ci.yml"]
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
SHELL = [file for file in sorted(SCRIPTS.iterdir()) if file.is_file() and file.suffix != ".py"]
MARKER = "<!-- otc-flow-logs review -->"
FORGE = runpy.run_path(str(SCRIPTS / "forge.py"))


def jobs(workflow: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(workflow.read_text())["jobs"]
    return found


# The scripts.


@pytest.mark.parametrize(
    "script", [SCRIPTS / "forge.py", *(file for file in SHELL if file.suffix != ".sh")], ids=lambda file: file.name
)
def test_each_script_explains_itself(script: Path) -> None:
    ended = subprocess.run([script, "--help"], capture_output=True, text=True, timeout=10, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"{script.name} " in ended.stdout
    assert "set -eu" not in ended.stdout


# The pipelines.


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_and_name_their_version(workflow: Path) -> None:
    used = re.findall(r"^.*\buses: .*$", workflow.read_text(), re.MULTILINE)
    assert used
    for line in used:
        assert re.search(
            r"uses: (actions/[a-z/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\./\.github/workflows/[a-z-]+\.yml)$", line
        )


def test_workflows_use_the_same_commit_of_an_action_and_image() -> None:
    texts = [path.read_text() for path in PIPELINES]
    used = {use for text in texts for use in re.findall(r"uses: (actions/[a-z-]+)(?:/[a-z]+)?@(.*)", text)}
    assert len(used) == len({name for name, _ in used}) == 5
    (image,) = {image for text in texts for image in re.findall(r"image: (.*)", text)}
    assert re.fullmatch(r"[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}", image)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_permissions_and_secrets_are_as_narrow_as_possible(workflow: Path) -> None:
    document = yaml.safe_load(workflow.read_text())
    assert document["permissions"] == {}
    assert "secrets." not in json.dumps(document.get("env", {}))
    for job in document["jobs"].values():
        assert job["permissions"]
        assert "secrets." not in json.dumps(job.get("env", {}))
        if "write" in job["permissions"].values() and "steps" in job:
            # Jobs that may write to the project get no secret and install nothing.
            assert "secrets." not in json.dumps(job)
            assert not any("setup-python" in step.get("uses", "") for step in job["steps"])
        for step in job.get("steps", ()):
            assert "${{" not in step.get("run", "")
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("job", ["preview", "comment"])
def test_forks_get_neither_secrets_nor_runs(job: str) -> None:
    workflow = jobs(ROOT / "ci" / "github" / "flow-logs.yml")
    assert "github.event.pull_request.head.repo.full_name == github.repository" in workflow[job]["if"]
    pipeline = yaml.safe_load((ROOT / "ci" / "gitlab" / ".gitlab-ci.yml").read_text())
    (rule,) = pipeline[job]["rules"]
    assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_MERGE_REQUEST_PROJECT_ID" in rule["if"]


def test_only_approved_plans_are_applied_one_at_a_time() -> None:
    stack = jobs(ROOT / "ci" / "github" / "flow-logs-stack.yml")
    assert "environment" not in stack["plan"]
    assert stack["apply"]["environment"] == "${{ inputs.stack }}"
    group = "flow-logs-apply-${{ inputs.stack }}"
    assert stack["apply"]["concurrency"] == {"group": group, "cancel-in-progress": False}
    parts = yaml.safe_load((ROOT / "ci" / "gitlab" / "jobs.yml").read_text())
    assert "environment" not in parts[".plan"]
    assert parts[".apply"]["environment"] == {"name": "$STACK"}
    assert parts[".apply"]["resource_group"] == "flow-logs-apply-$STACK"
    assert parts[".apply"]["rules"] == [{"when": "manual", "allow_failure": True}]


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda path: path.name)
def test_scripts_that_jobs_call_are_executable(pipeline: Path) -> None:
    called = set(re.findall(r"ci/scripts/([\w.-]+)", pipeline.read_text()))
    assert called
    for name in called:
        assert os.access(SCRIPTS / name, os.X_OK), name


@pytest.mark.parametrize("script", SHELL, ids=lambda path: path.name)
def test_scripts_are_plain_shell(script: Path) -> None:
    subprocess.run(["sh", "-n", script], check=True)
    if script.suffix != ".sh":
        assert script.read_text().startswith("#!/bin/sh\n")
        assert "\nset -eu\n" in script.read_text()


@pytest.mark.acceptance
def test_actionlint_finds_no_mistake(tmp_path: Path) -> None:
    go = shutil.which("go")
    if not go:
        pytest.skip("actionlint is a Go module, and there is no Go")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    for workflow in WORKFLOWS:
        shutil.copy(workflow, tmp_path / ".github" / "workflows")
    done = subprocess.run([go, "run", ACTIONLINT], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


# Which stacks a change touches.


class Repository:
    """A git repository with the scripts, and stack files of dev, prod and local."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("ci/scripts", "stacks/stackfile"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in (".gitignore", "tools/python"):
            self.write(name, (ROOT / name).read_text())
        for stack in ("dev", "local", "prod"):
            self.write(f"stacks/Pulumi.{stack}.yaml", "config: {}\n")
        self.git("init", "-q", ".")
        self.commit()

    def write(self, name: str, text: str = "another\n") -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def git(self, *arguments: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
        subprocess.run(["git", *who, *arguments], cwd=self.folder, check=True, capture_output=True)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "-qm", "a change")

    def touched(self, base: str = "HEAD^") -> list[str]:
        return self.run("touched-stacks", base).stdout.splitlines()

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.folder / "ci" / "scripts" / script), *arguments]
        return subprocess.run(command, cwd="/", capture_output=True, text=True, check=True)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_stack_file_touches_its_stack_and_shared_files_touch_all(repository: Repository) -> None:
    cases: list[tuple[list[str], list[str]]] = [
        (["stacks/Pulumi.prod.yaml"], ["prod"]),
        (["stacks/Pulumi.prod.yaml", "stacks/Pulumi.dev.yaml", "README.md"], ["dev", "prod"]),
        (["stacks/Pulumi.local.yaml"], []),
        (["README.md", "docs/iam/read-only.json", "docs/a name ünd more.png"], []),
        (["tests/unit/test_x.py", "bench/results.json"], []),
        (["stacks/program.py", "README.md"], ["dev", "prod"]),
        *(([shared], ["dev", "prod"]) for shared in ("constraints.txt", "stacks/defaults.yaml", "ci/scripts/plan")),
        (["a new kind\nof file"], ["dev", "prod"]),
    ]
    for number, (changed, stacks) in enumerate(cases):
        for name in changed:
            repository.write(name, f"# change {number}\n")
        repository.commit()
        assert repository.touched() == stacks, changed


def test_new_stack_is_touched_and_deleted_stack_file_is_reported(repository: Repository) -> None:
    repository.write("stacks/Pulumi.team.yaml")
    (repository.folder / "stacks" / "Pulumi.dev.yaml").unlink()
    repository.commit()
    done = repository.run("touched-stacks", "HEAD^")
    assert done.stdout == "team\n"
    assert done.stderr == ("stacks/Pulumi.dev.yaml was deleted: its stack keeps its flow logs until you destroy it\n")


@pytest.mark.parametrize(("setting", "folder"), [("config/", "config/"), ("'./teams/all'", "teams/all/"), ("", "")])
def test_stack_files_are_where_the_project_file_says(repository: Repository, setting: str, folder: str) -> None:
    repository.write("Pulumi.yaml", f"name: x\nstackConfigDir: {setting}\nruntime: python\n")
    repository.write(f"{folder}Pulumi.team.yaml")
    repository.commit()
    assert repository.touched() == ["team"]


def test_code_that_moved_into_the_docs_and_unknown_base_touch_all(repository: Repository) -> None:
    repository.write("stacks/names.py", "a\nb\nc\n")
    repository.commit()
    repository.git("mv", "stacks/names.py", "README.md")
    repository.commit()
    for base in ("HEAD^", "0" * 40, "--all"):
        assert repository.touched(base) == ["dev", "prod"]


def test_child_pipeline_plans_and_applies_every_stack(repository: Repository) -> None:
    pipeline = yaml.safe_load(repository.run("gitlab-pipeline", "dev", "prod").stdout)
    assert pipeline["include"] == [{"local": "ci/gitlab/jobs.yml"}]
    assert pipeline["plan prod"] == {"extends": ".plan", "variables": {"STACK": "prod"}}
    assert pipeline["apply dev"] == {"extends": ".apply", "variables": {"STACK": "dev"}, "needs": ["plan dev"]}
    without = yaml.safe_load(repository.run("gitlab-pipeline").stdout)
    assert without.keys() == {"include", "stages", "no stack is touched"}


def test_unknown_stack_is_refused_before_anything_happens(repository: Repository) -> None:
    errors = {
        "staging": "Stack 'staging' does not exist: stacks/Pulumi.staging.yaml is missing.",
        "../dev": "'../dev' is not a valid stack name.",
    }
    for script, name in itertools.product(["preview", "plan", "apply", "drift"], errors):
        with pytest.raises(subprocess.CalledProcessError) as refused:
            repository.run(script, name)
        assert (refused.value.returncode, refused.value.stderr) == (1, f"error: {errors[name]}\n")
    assert not (repository.folder / ".local").exists()


# Comments and issues.


class _Forge(BaseHTTPRequestHandler):
    """Comments and issues, as GitHub and GitLab have them."""

    items: dict[str, list[dict[str, Any]]]
    changes: list[tuple[str, str]]

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: value for name, (value,) in parse_qs(url.query).items()}
        if url.path == "/user":
            return self._answer({"id": 7})
        found = [item for item in self.items.get(url.path, []) if item["state"] == query.get("state", item["state"])]
        page, size = int(query["page"]), int(query["per_page"])
        return self._answer(found[(page - 1) * size : page * size])

    def do_POST(self) -> None:
        self._add(self.items.setdefault(self.path, []), {"user": {"type": "Bot"}, "author": {"id": 7}})

    def do_PATCH(self) -> None:
        number = int(self.path.rpartition("/")[2])
        (item,) = [item for items in self.items.values() for item in items if item["number"] == number]
        body = self._body()
        item.update({**body, **({"state": "closed"} if body.get("state_event") == "close" else {})})
        self.changes.append((self.command, self.path))
        self._answer(item)

    do_PUT = do_PATCH  # noqa: N815 - the name is that of the method

    def _add(self, items: list[dict[str, Any]], more: dict[str, Any]) -> None:
        number = 1 + sum(map(len, self.items.values()))
        state = "opened" if "/projects/" in self.path else "open"
        items.append({"id": number, "number": number, "iid": number, "state": state, **more, **self._body()})
        self.changes.append((self.command, self.path))
        self._answer(items[-1])

    def _body(self) -> dict[str, Any]:
        assert "the-token" in str(self.headers)
        body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return body

    def _answer(self, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


PLACES = {
    "github": (
        {"GITHUB_REPOSITORY": "o/r", "GH_TOKEN": "the-token", "PULL_REQUEST": "5"},
        "/repos/o/r/issues/5/comments",
        "/repos/o/r/issues",
    ),
    "gitlab": (
        {"GITLAB_CI": "true", "CI_PROJECT_ID": "3", "CI_MERGE_REQUEST_IID": "5", "GITLAB_TOKEN": "the-token"},
        "/projects/3/merge_requests/5/notes",
        "/projects/3/issues",
    ),
}


class Client:
    """Calls forge.py with a server."""

    def __init__(self, forge: type[_Forge], url: str, name: str, folder: Path) -> None:
        self.forge, self.folder = forge, folder
        variables, self.comments_path, self.issues_path = PLACES[name]
        self.text = "body" if name == "github" else "description"
        self.environment = {**variables, "GITHUB_API_URL": url, "CI_API_V4_URL": url}

    def run(self, command: str, text: str = "") -> None:
        file = self.folder / "text.md"
        file.write_text(text)
        FORGE["run"]([command, str(file)] if text else [command], self.environment)

    def add(self, path: str, **values: Any) -> None:
        person = {"user": {"type": "User"}, "author": {"id": 1}, "state": "opened" if "projects" in path else "open"}
        number = 1 + sum(map(len, self.forge.items.values()))
        item = {"id": number, "number": number, "iid": number, **person, **values}
        self.forge.items.setdefault(path, []).append(item)


@pytest.fixture(params=["github", "gitlab"])
def client(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("no_proxy", "*")
    forge = type("Forge", (_Forge,), {"items": {}, "changes": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), forge)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield Client(forge, f"http://127.0.0.1:{server.server_port}", request.param, tmp_path)
    server.shutdown()
    thread.join()
    server.server_close()


def test_comment_is_created_once_and_then_updated(client: Client) -> None:
    client.add(client.comments_path, body=f"{MARKER} quoted by a person")
    for number in range(120):
        client.add(client.comments_path, body=f"remark {number}")
    for text in (f"{MARKER}\nfirst ü", f"{MARKER}\nsecond"):
        client.run("comment", text)
    comments = client.forge.items[client.comments_path]
    assert [comment["body"] for comment in comments[121:]] == [f"{MARKER}\nsecond"]
    assert comments[0]["body"] == f"{MARKER} quoted by a person"
    assert [method for method, _ in client.forge.changes] in (["POST", "PATCH"], ["POST", "PUT"])


def test_request_without_a_touched_stack_gets_no_new_comment(client: Client) -> None:
    client.run("no-comment")
    assert client.forge.changes == []
    client.run("comment", f"{MARKER}\nsomething")
    client.run("no-comment")
    (comment,) = client.forge.items[client.comments_path]
    assert comment["body"] == f"{MARKER}\n## Flow logs: no stack is touched"


def test_one_issue_is_open_while_there_is_drift(client: Client) -> None:
    client.add(client.issues_path, **{client.text: "a person's own issue", "title": "x"})
    client.add(client.issues_path, **{client.text: None, "title": "without text"})
    for text in (f"{MARKER}\nmonday", f"{MARKER}\ntuesday"):
        client.run("issue", text)
    first = client.forge.items[client.issues_path][2:]
    assert [(issue["title"], issue[client.text]) for issue in first] == [("Flow logs drifted", f"{MARKER}\ntuesday")]

    client.run("all-well")
    client.run("all-well")
    assert [issue["state"] for issue in client.forge.items[client.issues_path]][2:] == ["closed"]
    assert {issue["state"] for issue in client.forge.items[client.issues_path][:2]} <= {"open", "opened"}

    client.run("issue", f"{MARKER}\nfriday")
    assert len(client.forge.items[client.issues_path]) == 4


def test_errors_are_one_sentence_without_the_token(client: Client) -> None:
    client.environment |= {"GITHUB_API_URL": "http://127.0.0.1:9", "CI_API_V4_URL": "http://127.0.0.1:9"}
    with pytest.raises(FORGE["ForgeError"]) as refused:
        client.run("all-well")
    assert re.fullmatch(r"GET \S+ got no valid answer: .*\.", str(refused.value))
    assert "the-token" not in str(refused.value)

    token = "GH_TOKEN" if client.text == "body" else "GITLAB_TOKEN"
    del client.environment[token]
    command = [sys.executable, str(SCRIPTS / "forge.py"), "all-well"]
    done = subprocess.run(command, env=client.environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"error: The variable {token} is not set.\n")
