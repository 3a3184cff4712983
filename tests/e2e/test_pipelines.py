"""What the jobs of the pipelines run, in a clean folder: the scripts of `ci/scripts` with the real `pulumi`."""

from __future__ import annotations

import hashlib
import shutil
import subprocess

import pytest

from tests.e2e.harness import CHECKOUT, DEMO_FLOW_LOGS, STACK, TIMEOUT, Cloud, Project, serving

STALE = (
    f"error: The plan for stack '{STACK}' is stale, so nothing was done: make a new one with `ci/scripts/plan {STACK}`,"
    " and have it approved.\n"
)


class Job:
    """A runner in the project's folder; the state is a team's, by its address."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.folder = project.directory
        self.out = self.folder / ".local" / "ci"
        shutil.copytree(CHECKOUT / "ci", self.folder / "ci", ignore=shutil.ignore_patterns("__pycache__"))
        (self.folder / "tools").symlink_to(CHECKOUT / "tools")
        state = self.folder / ".local" / "state"
        self.environment = {**project.environment, "PULUMI_BACKEND_URL": f"file://{state}?metadata=skip"}

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

    def ok(self, script: str, *arguments: str, **environment: str) -> str:
        done = self.run(script, *arguments, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def text(self, name: str) -> str:
        return (self.out / name).read_text()

    def state(self) -> dict[str, str]:
        """All files of the state, and what is in them."""
        folder = self.folder / ".local" / "state"
        files = [one for one in sorted(folder.rglob("*")) if one.is_file()]
        return {str(one): hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


@pytest.fixture
def job(project: Project) -> Job:
    return Job(project)


def test_a_plan_is_applied_unless_it_is_stale_and_then_made_again(job: Job, cloud: Cloud) -> None:
    assert job.ok("plan", STACK) == "changes=true\n"
    assert "10 to create" in job.text(f"{STACK}.md")

    cloud.server.store.add_attachment("er-edge", "vpc-new")
    stale = job.run("apply", STACK)
    assert (stale.returncode, stale.stderr.splitlines(keepends=True)[-1]) == (4, STALE)
    assert cloud.flow_logs() == {}

    assert job.ok("plan", STACK) == "changes=true\n"
    assert "11 to create" in job.text(f"{STACK}.md")
    job.ok("apply", STACK)
    assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS + 1


@pytest.mark.up
def test_drift_is_found_and_told_and_nothing_is_written_to_the_state(job: Job, cloud: Cloud) -> None:
    before = job.state()
    assert job.ok("drift", STACK) == ""
    assert job.text("drift.env") == "drifted=false\n"

    cloud.server.store.disable_flow_log("core-vpc-payments-8bd9e320")
    assert job.run("drift", STACK).returncode == 3
    assert job.text("drift.env") == "drifted=true\n"
    assert "(was changed by hand) | enabled: `false` → `true` |" in job.text("drift.md")
    assert job.state() == before


@pytest.mark.up
@pytest.mark.acceptance
def test_previews_of_several_stacks_are_one_comment_with_new_stacks(job: Job, cloud: Cloud) -> None:
    text = job.project.stack_file().read_text()
    job.project.stack_file("team").write_text(text.partition("encryptionsalt:")[0])
    core = {"router": "er-core", "log_group": "network", "log_stream": "er-flow-logs-archive"}
    its_state = job.environment["PULUMI_BACKEND_URL"].partition("?")[0]
    config = {"endpoint": "emulator", "state": its_state, "routers": {"core": core}}
    job.project.write_config(config, stack="team")
    before = job.state()
    passphrases = {"PULUMI_CONFIG_PASSPHRASE_TEAM": "its own", "PULUMI_CONFIG_PASSPHRASE": ""}

    job.ok("preview", STACK, "team", **passphrases)

    review = job.text("review.md")
    assert review.startswith("<!-- otc-flow-logs review -->\n")
    assert f"**`{STACK}`**: nothing to do, 10 unchanged" in review
    assert "### Stack `team`\n\n6 to create\n" in review
    assert job.state() == before

    job.ok("plan", "team", **passphrases)
    job.ok("apply", "team", **passphrases)
    assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS + 6
    job.project.write_config({**config, "state": "s3://elsewhere"}, stack="team")
    assert job.run("plan", "team", **passphrases).returncode == 1
    assert "its state is in s3" in job.text("team.md")


@pytest.mark.up
@pytest.mark.acceptance
def test_a_preview_that_fails_is_in_the_comment_and_fails_all_the_others(job: Job) -> None:
    job.project.change_router("core", router="er-nope")
    assert job.run("preview", STACK).returncode == 1
    assert "there is no router with id or name 'er-nope'" in job.text("review.md")

    for script in ("plan", "drift"):
        refused = job.run(script, STACK)
        assert refused.returncode == 1
        assert refused.stdout == ""
        assert refused.stderr.splitlines()[-1].startswith("error: ")
    assert not (job.out / f"{STACK}.plan.json").exists()
    assert not (job.out / "drift.env").exists()
    assert "There is no plan for stack 'local': make one with" in job.run("apply", STACK).stderr


@pytest.mark.up
@pytest.mark.acceptance
def test_a_plan_says_whether_there_is_anything_to_do(job: Job, cloud: Cloud) -> None:
    assert job.ok("plan", STACK) == "changes=false\n"
    assert "nothing to do" in job.text(f"{STACK}.md")


@pytest.mark.up
@pytest.mark.acceptance
@pytest.mark.parametrize("what", ["renamed", "deleted", "attachment gone", "stack file", "planned one gone"])
def test_a_plan_is_stale_whatever_has_changed_since(job: Job, cloud: Cloud, what: str) -> None:
    store = cloud.server.store
    store.add_attachment("er-edge", "vpc-new")
    store.disable_flow_log("core-vpc-shop-e4ec9862")
    job.ok("plan", STACK)
    before = job.state()
    if what == "renamed":
        store.rename_flow_log("core-vpc-payments-8bd9e320", "by-hand")
    elif what == "deleted":
        store.delete_flow_log("core-vpc-payments-8bd9e320")
    elif what == "attachment gone":
        store.remove_attachment("vpc-payments")
    elif what == "stack file":
        job.project.change_router("core", description="secret-looking")
    else:
        store.remove_attachment("vpc-new")
    there = cloud.flow_logs()

    stale = job.run("apply", STACK)

    assert (stale.returncode, stale.stderr.splitlines(keepends=True)[-1]) == (4, STALE), stale.stdout
    assert "secret-looking" not in stale.stdout
    assert cloud.flow_logs() == there
    assert job.state() == before


@pytest.mark.acceptance
def test_whoever_plans_need_not_be_who_applies(job: Job) -> None:
    with serving(job.folder / "standalone.db", latency=0.2) as cloud:
        job.project.change_config(endpoint=cloud.server.url, project_id=cloud.server.project_id)
        reader = {"OS_TOKEN": cloud.server.token}
        writer = {
            "OS_USERNAME": "demo",
            "OS_USER_DOMAIN_NAME": "OTC-DEMO",
            "OS_PASSWORD": "flow-logs-on-loopback",
            "OS_PROJECT_NAME": "eu-de",
        }
        job.ok("plan", STACK, **reader)
        applied = job.run("apply", STACK, **writer)
        assert applied.returncode == 0, applied.stdout + applied.stderr
        assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS
        kept = [one.read_bytes() for one in job.out.rglob("*") if one.is_file()]
        secrets = (cloud.server.token.encode(), b"flow-logs-on-loopback")
        assert not any(secret in one for one in kept for secret in secrets)


def test_a_pipeline_without_a_backend_is_refused_before_anything_happens(job: Job) -> None:
    del job.environment["PULUMI_BACKEND_URL"]
    for script in ("preview", "plan", "drift"):
        assert job.run(script, STACK).stderr.startswith("error: PULUMI_BACKEND_URL is not set")
    assert not job.out.exists()
