"""The scripts of `ci/scripts`, as the jobs of the pipelines run them, with the real `pulumi`."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests import pulumi_service
from tests.e2e.harness import CHECKOUT, DEAD_PROXY, DEMO_FLOW_LOGS, STACK, TIMEOUT, Cloud, Project, serving

STALE = (
    f"error: The plan for stack '{STACK}' is stale, so nothing was changed: make a new one with"
    f" `ci/scripts/plan {STACK}`, and have it approved.\n"
)


class Job:
    """A runner in the project's folder, behind a proxy, whose state is in a backend named by its address."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.folder = project.directory
        self.out = self.folder / ".local" / "ci"
        shutil.copytree(CHECKOUT / "ci", self.folder / "ci", ignore=shutil.ignore_patterns("__pycache__"))
        self._state = self.folder / ".local" / "state"
        backend = {"PULUMI_BACKEND_URL": f"file://{self._state}?metadata=skip"}
        self.environment = {**project.environment, **DEAD_PROXY, **backend}
        self.environment.pop("no_grpc_proxy", None)

    def run(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.folder / "ci" / "scripts" / script, *arguments],
            cwd="/",
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    def expect_ok(self, script: str, *arguments: str, **environment: str) -> str:
        done = self.run(script, *arguments, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def expect_stale_plan(self) -> None:
        done = self.run("apply", STACK)
        assert (done.returncode, done.stderr.splitlines(keepends=True)[-1]) == (4, STALE), done.stdout
        assert "secret-looking" not in done.stdout

    def text(self, name: str) -> str:
        return (self.out / name).read_text()

    def state(self) -> dict[Path, bytes]:
        """All files of the state."""
        return {file: file.read_bytes() for file in self._state.rglob("*") if file.is_file()}


@pytest.fixture
def job(project: Project) -> Job:
    return Job(project)


def test_plan_is_applied_unless_it_is_stale(job: Job, cloud: Cloud) -> None:
    assert job.expect_ok("plan", STACK) == "changes=true\n"
    assert "10 to create" in job.text(f"{STACK}.md")

    cloud.server.store.add_attachment("er-edge", "vpc-new")
    job.expect_stale_plan()
    assert cloud.flow_logs() == {}

    cloud.server.store.remove_attachment("vpc-new")
    job.expect_ok("apply", STACK)
    assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS


@pytest.mark.up
def test_drift_job_reports_drift_and_writes_no_state(job: Job, cloud: Cloud) -> None:
    before = job.state()
    assert job.expect_ok("drift", STACK) == ""
    assert job.text("drift.env") == "drifted=false\n"

    cloud.server.store.disable_flow_log("core-vpc-payments")
    assert job.run("drift", STACK).returncode == 3
    assert job.text("drift.env") == "drifted=true\n"
    assert "(was changed by hand) | enabled: `true` → `false` → `true` |" in job.text("drift.md")
    assert job.state() == before


@pytest.mark.up
def test_drift_job_can_list_flow_logs_that_are_overdue(job: Job, cloud: Cloud) -> None:
    """All flow logs are an hour old, and one of them never wrote a record."""
    cloud.server.store.set_delivery(600)
    with sqlite3.connect(job.project.database) as database:
        for column in ("flow_log SET created_at = created_at", "flow_log_version SET valid_from = valid_from"):
            database.execute(f"UPDATE {column} - 3600 * 1000000")
        database.execute("UPDATE attachment SET is_quiet = 1 WHERE name = 'vgw-colocation-munich'")
    assert job.run("drift", STACK, DELIVERY="1").returncode == 3
    assert job.text("drift.env") == "drifted=true\n"
    (row,) = [line for line in job.text("drift.md").splitlines() if "overdue |" in line]
    assert row.startswith("| `er-edge` | `vgw-colocation-munich` | overdue | - | `network/er-flow-logs`: no record")


@pytest.mark.up
@pytest.mark.acceptance
def test_previews_of_several_stacks_are_one_comment(job: Job, cloud: Cloud) -> None:
    text = job.project.stack_file().read_text()
    job.project.stack_file("team").write_text(text.partition("encryptionsalt:")[0])
    core = {"router": "er-core", "log_group": "network", "log_stream": "er-flow-logs-archive"}
    config = {
        "endpoint": "emulator",
        "state": job.environment["PULUMI_BACKEND_URL"].partition("?")[0],
        "routers": {"core": core},
    }
    job.project.write_config(config, stack="team")
    before = job.state()
    passphrases = {"PULUMI_CONFIG_PASSPHRASE_TEAM": "its own", "PULUMI_CONFIG_PASSPHRASE": ""}

    job.expect_ok("preview", STACK, "team", **passphrases)

    review = job.text("review.md")
    assert review.startswith("<!-- otc-flow-logs review -->\n")
    assert f"**`{STACK}`**: nothing to do, 10 unchanged" in review
    assert "### Stack `team`\n\n6 to create\n" in review
    assert job.state() == before

    job.expect_ok("plan", "team", **passphrases)
    job.expect_ok("apply", "team", **passphrases)
    assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS + 6
    job.project.write_config({**config, "state": "s3://elsewhere"}, stack="team")
    assert job.run("plan", "team", **passphrases).returncode == 1
    assert "its state is in `s3" in job.text("team.md")


@pytest.mark.up
@pytest.mark.acceptance
def test_failed_preview_is_in_the_comment_and_fails_the_jobs(job: Job) -> None:
    job.project.change_router("core", router="er-nope")
    assert job.run("preview", STACK).returncode == 1
    assert "there is no router with id or name 'er-nope'" in job.text("review.md")

    for script in ("plan", "drift"):
        refused = job.run(script, STACK)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.splitlines()[-1].startswith("error: ")
    assert not (job.out / f"{STACK}.plan.json").exists()
    assert not (job.out / "drift.env").exists()
    assert "There is no plan for stack 'local': make one with" in job.run("apply", STACK).stderr


@pytest.mark.up
@pytest.mark.acceptance
@pytest.mark.parametrize("change", ["renamed", "attachment gone", "stack file", "planned one gone"])
def test_plan_is_stale_after_any_change(job: Job, cloud: Cloud, change: str) -> None:
    store = cloud.server.store
    store.add_attachment("er-edge", "vpc-new")
    store.disable_flow_log("core-vpc-shop")
    job.expect_ok("plan", STACK)
    before = job.state()
    if change == "renamed":
        store.rename_flow_log("core-vpc-payments", "by-hand")
    elif change == "stack file":
        job.project.change_router("core", description="secret-looking")
    else:
        store.remove_attachment("vpc-payments" if change == "attachment gone" else "vpc-new")
    flow_logs = cloud.flow_logs()

    job.expect_stale_plan()

    assert cloud.flow_logs() == flow_logs
    assert job.state() == before


@pytest.mark.acceptance
def test_plan_and_apply_can_use_different_credentials(job: Job) -> None:
    with serving(job.folder / "standalone.db", latency=0.2) as cloud:
        job.project.change_config(endpoint=cloud.server.url, project_id=cloud.server.project_id)
        password = "flow-logs-on-loopback"
        writer = {"OS_USERNAME": "demo", "OS_USER_DOMAIN_NAME": "OTC-DEMO", "OS_PROJECT_NAME": "eu-de"}
        job.expect_ok("plan", STACK, OS_TOKEN=cloud.server.token)
        job.expect_ok("apply", STACK, **writer, OS_PASSWORD=password)
        assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS
        kept = [file.read_bytes() for file in job.out.rglob("*") if file.is_file()]
        assert not any(secret.encode() in data for data in kept for secret in (cloud.server.token, password))


@pytest.mark.acceptance
def test_new_stack_in_a_service_is_planned_without_a_passphrase(job: Job, tmp_path: Path) -> None:
    before = job.project.stack_file().read_text().partition("encryptionsalt:")[0]
    job.project.stack_file().write_text(before)
    del job.environment["PULUMI_CONFIG_PASSPHRASE"]
    with pulumi_service.serve(tmp_path / "service.db") as service:
        backend = service.environment(tmp_path / "credentials")
        assert job.expect_ok("plan", STACK, **backend) == "changes=true\n"
    assert job.project.stack_file().read_text() == before


def test_pipeline_without_a_backend_is_refused_at_once(job: Job) -> None:
    del job.environment["PULUMI_BACKEND_URL"]
    for script in ("preview", "plan", "drift"):
        assert job.run(script, STACK).stderr.startswith("error: PULUMI_BACKEND_URL is not set")
    assert not job.out.exists()
