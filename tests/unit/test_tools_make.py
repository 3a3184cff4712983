"""What `make` refuses and prints, with the real make in a copy of the tool chain, and the parts behind it."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from stacks.commands.run import pulumi
from tests.waiting import eventually
from tools import cache as tools_cache
from tools import offline, prepare, stack_check
from tools.console import ToolError
from tools.venv import ensure_venv

ROOT = Path(__file__).resolve().parents[2]
VENV, CLI = Path("/p/.venv"), Path("/c/bin")
CONFIG = "config: {otc-flow-logs:endpoint: emulator}"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "Pulumi.yaml", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "stacks", folder / "stacks", ignore=shutil.ignore_patterns("__pycache__", "Pulumi.*.yaml"))
    (folder / "providers").mkdir()
    for name in ("__init__", "backend", "config_keys"):
        shutil.copy(ROOT / "providers" / f"{name}.py", folder / "providers")
    for stack in ("dev", "local"):
        (folder / "stacks" / f"Pulumi.{stack}.yaml").write_text(CONFIG)
    (folder / "stacks" / "Pulumi.prod.yaml").write_text("config:\n  otc-flow-logs:state: s3://states\n")
    return folder


def run(checkout: Path, *command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        cwd=checkout,
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def make(checkout: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    removed = ("PULUMI_", "OTC_", "MAKE", "STACK", "ARGS")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(removed)}
    return run(checkout, "make", *arguments, **inherited | environment)


OTHER_TARGETS = ("preview", "refresh", "destroy", "recover")
NEW_PASSPHRASE = (
    "Stack 'dev' protects its secrets with a passphrase, which may be empty only for 'local': set"
    " PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE (new stack: choose one)."
)
UNKNOWN = "Stack 'staging' does not exist: stacks/Pulumi.staging.yaml is missing; known: dev, local and prod.\n"


@pytest.mark.parametrize(
    ("target", "stack", "environment", "error"),
    [
        *((target, "staging", {}, UNKNOWN) for target in ("up", "env")),
        *(pytest.param(target, "staging", {}, UNKNOWN, marks=pytest.mark.acceptance) for target in OTHER_TARGETS),
        ("up", "dev", {}, NEW_PASSPHRASE),
        ("up", "local", {"PULUMI_BACKEND_URL": "states"}, "PULUMI_BACKEND_URL is not the address of a backend"),
        ("up", "local", {"PULUMI_BACKEND_URL": "postgrse://x"}, "PULUMI_BACKEND_URL is not the address of a backend"),
        ("up", "local", {"PULUMI_BACKEND_URL": "postgresql://db/x"}, "PULUMI_BACKEND_URL: Pulumi accepts postgres://…"),
        (
            "up",
            "local",
            {"PULUMI_BACKEND_URL": "s3://x", "HOME": "/nonexistent"},
            "PULUMI_BACKEND_URL is s3://x, without",
        ),
        ("up", "prod", {"PULUMI_CONFIG_PASSPHRASE": "x"}, "Stack 'prod': its state is in s3://states (otc-flow-logs:"),
    ],
)
def test_make_refuses_stack_before_it_changes_anything(
    checkout: Path, target: str, stack: str, environment: dict[str, str], error: str
) -> None:
    before = sorted(checkout.iterdir())

    result = make(checkout, target, STACK=stack, **environment)

    assert result.returncode != 0
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: {error}")
    assert "Traceback" not in result.stderr
    assert sorted(checkout.iterdir()) == before


INPUTS = re.findall(r"\w+", re.findall("^INPUTS = (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0])


TAKERS = dict(re.findall("^TAKE_([A-Z]+) = (.*)$", (ROOT / "Makefile").read_text().replace("\\\n", ""), re.MULTILINE))


def test_make_never_runs_what_is_in_a_variable(checkout: Path) -> None:
    attack = "$(shell touch ran)"
    for name in INPUTS:
        make(checkout, "-n", "up", "destroy", "acceptance", **{name: attack})
        make(checkout, "-n", *TAKERS.get(name, "up destroy acceptance").split(), f"{name}={attack}")
    make(checkout, "destroy", STACK=attack)
    assert not (checkout / "ran").exists()


def test_arguments_keep_their_quotation_marks_and_dollars(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    (checkout / ".venv").symlink_to(tmp_path / "venv")
    (checkout / "Makefile").write_text(
        f"{(ROOT / 'Makefile').read_text()}\nlive-test: ; @$(with_venv); printf '%s\\n' \"$$@\"\n".replace(
            "check-backend chaos live\n", "check-backend chaos live live-test\n"
        )
    )
    printed = make(checkout, "live-test", "ARGS=--target 'urn:a$b::c d' -k \"$(touch ran)`touch ran`\"")
    assert printed.stdout.splitlines() == ["--target", "urn:a$b::c d", "-k", "$(touch ran)`touch ran`"]
    assert not (checkout / "ran").exists()
    for text in ("it's", "a\\"):
        refused = make(checkout, "live-test", ARGS=text).stderr
        assert refused.startswith(f"error: ARGS has an unmatched quotation mark or a trailing backslash: {text}\n")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("up", "STACKS="), "STACKS is empty"),
        (("up", "STACKS=dev prod", "STACK=dev"), "STACK and STACKS are both set"),
        (("recover", "STACKS=dev prod"), "make recover takes no STACKS: use STACK"),
        (("up", "STACKS=dev org/x/dev"), "error: STACKS is 'dev org/x/dev': it names dev twice."),
        (("up", "STACKS=dev local"), "error: STACKS is 'dev local': local has a passphrase of its own"),
        (("up", "STACKS=dev prod", "ARGS=--target=x"), "error: ARGS has --target=x, which is about one stack"),
        (("up", "STACKS=dev prod", "ARGS=-x urn"), "error: ARGS has -x, which is about one stack"),
        (("up", "STACKS=dev prod", "ARGS=-sdev"), "error: ARGS has -sdev, but STACKS is dev prod: name the stack in"),
        (("up", "STACKS=staging dev"), f"error: {UNKNOWN}"),
        (("up", "STACKS=dev staging"), f"error: {UNKNOWN}"),
        (("up", "STACKS=dev,prod"), "Several stacks are named in STACKS, with spaces between them.\n"),
        (("up", "STACK=dev prod"), "Several stacks are named in STACKS, with spaces between them.\n"),
        (("up", "STACK="), "error: STACK is empty: name a stack in it, or unset it.\n"),
    ],
)
def test_make_refuses_stacks_that_cannot_run_together(checkout: Path, arguments: tuple[str, ...], error: str) -> None:
    refused = make(checkout, *arguments)
    assert refused.returncode != 0
    assert error in refused.stderr
    assert "Traceback" not in refused.stderr


def test_exported_stack_that_is_empty_is_refused_where_it_would_be_used(checkout: Path) -> None:
    assert make(checkout, "preview", STACK="").stderr.startswith("error: STACK is empty: ")
    assert make(checkout, "help", STACK="").returncode == 0
    assert make(checkout, "preview", "STACKS=staging dev", STACK="").stderr.startswith(f"error: {UNKNOWN}")


def test_stacks_share_what_runs_at_once() -> None:
    def at_once(number: int, **environment: str) -> str:
        return prepare.exports({"PATH": "", **environment}, VENV, CLI, ["dev"] * number)["OTC_FLOW_LOGS_STACKS"]

    assert at_once(3) == "3"
    assert int(at_once(99)) <= 16
    assert at_once(5, OTC_FLOW_LOGS_STACKS="2") == "2"


@pytest.mark.parametrize("option", ["--stack", "--stack=dev", "-s", "-sdev"])
def test_arguments_cannot_name_another_stack(checkout: Path, option: str) -> None:
    refused = make(checkout, "up", ARGS=f"--refresh {option} dev")
    assert refused.stderr.startswith(f"error: ARGS has {option}, but STACK is local: name the stack in STACK alone.\n")


def test_make_refuses_arguments_that_it_would_not_pass_on(checkout: Path) -> None:
    text = (ROOT / "Makefile").read_text()
    recipes = dict(re.findall(r"^([a-z-]+):.*?##.*?\n((?:\t.*\n)*)", text, re.MULTILINE))
    for target, recipe in recipes.items():
        printed = make(checkout, "-n", target, "ARGS=-x").stderr
        is_refused = f"make {target} takes no ARGS: leave them out" in printed
        assert is_refused is ('"$$@"' not in recipe and target not in ("apply", "plan")), target


@pytest.mark.parametrize(
    "command",
    [
        *("preview JSON", "delivery JSON", "up JSON", "preview WAIT", "recover WAIT", "preview DELIVERY"),
        *("coverage SPAN", "delivery WITHIN", "up ATTACHMENT", "coverage ROUTER", "up NAME", "up TO", "lint ALL"),
    ],
)
def test_make_refuses_variables_that_the_target_does_not_read(checkout: Path, command: str) -> None:
    target, name = command.split()
    refused = make(checkout, "-n", target, f"{name}=delivery")
    assert refused.returncode != 0
    assert f"make {target} takes no {name}: leave it out" in refused.stderr
    assert make(checkout, "-n", target, **{name: "delivery"}).returncode == 0, "exported, it may be for other targets"


@pytest.mark.parametrize(
    "command",
    [
        *("coverage JSON=1 DELIVERY=1", "up WAIT=delivery WITHIN=1m SPAN=1h DELIVERY=1", "apply WAIT=delivery"),
        *("delivery SPAN=1d", "forget ATTACHMENT=x ROUTER=y", "new-stack NAME=x ROUTER=y", "adopt ROUTER=y"),
        *("move-state TO=file:///x", "clean ALL=1"),
    ],
)
def test_make_takes_variables_that_the_target_reads(checkout: Path, command: str) -> None:
    assert make(checkout, "-n", *command.split()).returncode == 0


def test_every_input_of_one_target_is_limited_to_it() -> None:
    text = (ROOT / "Makefile").read_text()
    limited = re.findall("^LIMITED = (.*)$", text, re.MULTILINE)[0].split()
    assert limited == re.findall(r"^TAKE_(?!STACKS|ARGS)(\w+) =", text, re.MULTILINE)
    assert set(INPUTS) - set(limited) == {"ARGS", "CONFIRM", "JOBS", "STACK", "YES"}


PLAIN = """\
Updating (dev):

 ~  pulumi:pulumi:Stack otc-flow-logs-dev refreshing (0s)\x20
 ~  pulumi-python:dynamic/er:FlowLog vpc-payments-3aac380e refresh (0.26s)\x20
 ~  pulumi-python:dynamic/er:FlowLog vpc-shop-b8382afe refresh (0.27s) [diff: ~enabled]
    pulumi:pulumi:Stack otc-flow-logs-dev running\x20
    pulumi:pulumi:Stack otc-flow-logs-dev  1 warning
    pulumi:pulumi:Stack otc-flow-logs-dev waiting for the API
    otc-flow-logs:index:RouterFlowLogs er-core  warning: not logged on er-core: cfw-perimeter
    pulumi-python:dynamic/er:FlowLog vpc-edge-proxy-de97dbad\x20\x20
 ~  pulumi-python:dynamic/er:FlowLog vpc-shop-b8382afe updated (0.40s) [diff: ~enabled]
Diagnostics:
    warning: not logged on er-core: cfw-perimeter
"""


def test_lines_about_what_is_only_looked_at_are_left_out() -> None:
    shown = [line for line in PLAIN.splitlines(keepends=True) if pulumi.is_shown(line)]
    assert [line.split()[-1] for line in shown if line.strip()] == [
        *("(dev):", "~enabled]", "API", "~enabled]", "Diagnostics:", "cfw-perimeter")
    ]


def test_only_what_this_project_keeps_is_cleared(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("pulumi-3.0.0-linux", "moto-s3-5-linux-python3.11", "somebody-elses"):
        (cache / name / "bin").mkdir(parents=True)
    tools_cache.clear(cache)
    assert [path.name for path in cache.iterdir() if path.is_dir()] == ["somebody-elses"]
    assert f"removing {cache / 'pulumi-3.0.0-linux'}\n" in capsys.readouterr().err


def fake_cli(folder: Path, script: str) -> dict[str, str]:
    """The environment in which this script is `pulumi`."""
    cli = folder / "pulumi"
    cli.write_text(f"#!/bin/sh\n{script}\n")
    cli.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}


RUN = "from stacks.commands.run import pulumi; pulumi.run('dev', 'up')"


@pytest.mark.parametrize("closed", [">/dev/full", "2>/dev/full", "2>&1 >/dev/null | head -c 9"])
def test_run_goes_on_when_its_output_cannot_be_written(tmp_path: Path, closed: str) -> None:
    flood = f"for i in $(seq 9); do printf '%20000d\\n' 1; printf '%20000d\\n' 1 >&2; done; touch {tmp_path}/ended"
    run(ROOT, "sh", "-c", f'{sys.executable} -c "{RUN}" {closed}', **fake_cli(tmp_path, flood))
    assert (tmp_path / "ended").exists()


def test_preview_whose_output_cannot_be_written_fails(tmp_path: Path) -> None:
    program = """
from stacks.commands.command_line import errors_as_sentences
from stacks.commands.run import pulumi
with pulumi.held('dev', 'preview') as process, errors_as_sentences('dev'): pulumi.show(process, 'dev')
"""
    environment = fake_cli(tmp_path, "echo change; exec sleep 20")
    ended = run(ROOT, "sh", "-c", f'{sys.executable} -c "{program}" >/dev/full', **environment)
    assert (ended.returncode, ended.stderr) == (2, "error: the output cannot be written: No space left on device\n")


@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_pulumi_gets_a_signal_once_whoever_else_gets_it(tmp_path: Path, send: Callable[[int, int], None]) -> None:
    script = f"trap 'echo cancelled' TERM; touch {tmp_path}/started; for i in 1 2 3 4 5 6 7 8 9; do sleep 0.2; done"
    with subprocess.Popen(
        [sys.executable, "-c", RUN],
        cwd=ROOT,
        env=fake_cli(tmp_path, script),
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        eventually((tmp_path / "started").exists)
        send(process.pid, signal.SIGTERM)
        output, _ = process.communicate()
    assert output == b"cancelled\n"


SEVERAL = """
from stacks.commands.run.side_by_side import *
runs = [StackRun(stack) for stack in 'abc']
SideBySide(runs, 'up', doing='updating').finish()
report(runs, 'up')
raise SystemExit(exit_code(runs))
"""


@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_signal_reaches_each_stack_once_and_starts_no_other(tmp_path: Path, send: Callable[[int, int], None]) -> None:
    told = tmp_path / "told"
    script = f"""shift $(($# - 2)); trap "echo cancelled $1 >>{told}" TERM; touch {tmp_path}/started-$1
for i in 1 2 3 4 5 6 7; do sleep 0.2; done; exit 1"""
    environment = {**fake_cli(tmp_path, script), "OTC_FLOW_LOGS_STACKS": "2"}
    with subprocess.Popen(
        [sys.executable, "-c", SEVERAL], cwd=ROOT, env=environment, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        eventually(lambda: len(list(tmp_path.glob("started-*"))) == 2)
        send(process.pid, signal.SIGTERM)
        output, _ = process.communicate()
    assert process.returncode == 130
    assert sorted(told.read_text().splitlines()) == ["cancelled a", "cancelled b"]
    assert re.findall(r"^(\w) +(\w+(?: \w+)?)  ", output.decode(), re.MULTILINE) == [
        *(("a", "interrupted"), ("b", "interrupted"), ("c", "not started"))
    ]


def test_stacks_that_end_at_once_after_a_signal_are_interrupted(tmp_path: Path) -> None:
    started = tmp_path / "started"
    script = f"""case $* in *'--stack a'*) exit;; esac
trap 'exit 1' TERM; touch {started}; while :; do sleep 0.01; done"""
    environment = {**fake_cli(tmp_path, script), "OTC_FLOW_LOGS_STACKS": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", SEVERAL], cwd=ROOT, env=environment, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        eventually(started.exists)
        os.killpg(process.pid, signal.SIGTERM)
        output, _ = process.communicate()
    assert process.returncode == 130
    assert re.findall("done|interrupted|not started", output.decode()) == ["done", "interrupted", "not started"]


def test_event_that_a_killed_cli_began_is_left_out(tmp_path: Path) -> None:
    environment = {**fake_cli(tmp_path, """printf '{"sequence":1,"diag'; kill -9 $$"""), "OTC_FLOW_LOGS_STACKS": "3"}
    ended = run(ROOT, sys.executable, "-c", SEVERAL, **environment)
    assert "Traceback" not in ended.stderr
    assert ended.stdout.count("killed") == 3


def test_failure_of_one_stack_leaves_the_others_alone(tmp_path: Path) -> None:
    script = (
        """case $* in *'--stack b'*) echo 'error: the stack is currently locked by 1 lock(s).' >&2; exit 3;; esac"""
    )
    environment = {**fake_cli(tmp_path, script), "OTC_FLOW_LOGS_STACKS": "2"}
    ended = run(ROOT, sys.executable, "-c", SEVERAL, **environment)
    assert ended.returncode == 3
    assert [line.split() for line in ended.stdout.splitlines()[1:]] == [
        *(["a", "done", "-", "0:00"], ["b", "failed", "-", "0:00"], ["c", "done", "-", "0:00"])
    ]
    assert ended.stderr.splitlines()[-2:] == [
        "b: error: the stack is currently locked by 1 lock(s).",
        "error: stack b is locked: if no run of it is in progress, run `make recover STACK=b`",
    ]


def test_output_that_cannot_be_written_is_a_sentence() -> None:
    program = "from stacks.commands import command_line as c\nwith c.errors_as_sentences('dev'): print('x')"
    ended = run(ROOT, "sh", "-c", f'{sys.executable} -c "{program}" >/dev/full', PATH=os.environ["PATH"])
    assert (ended.returncode, ended.stderr) == (2, "error: the output cannot be written: No space left on device\n")


@pytest.mark.acceptance
@pytest.mark.parametrize(
    "module",
    [
        *(
            "tools.cache",
            "tools.constraints",
            "tools.move_state",
            "tools.prepare",
            "tools.pulumi_cli",
            "tools.versions",
        ),
        *(
            "stacks.pending",
            "stacks.records",
            "stacks.coverage",
            "stacks.delivery",
            "stacks.review",
            "stacks.stackfile.location",
        ),
        *("stacks.commands.adopt", "stacks.commands.coverage", "stacks.commands.new_stack", "stacks.commands.whoami"),
        *("emulator", "emulator.world", "tests.chaos", "tests.live", "bench", "bench.backend"),
    ],
)
def test_each_command_explains_itself(module: str) -> None:
    result = run(ROOT, sys.executable, "-m", module, "--help", PATH=os.environ["PATH"])
    assert (result.returncode, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) > 2


@pytest.mark.parametrize(
    ("stack", "stack_file", "environment", "is_refused"),
    [
        ("local", CONFIG, {}, False),
        ("organization/otc-flow-logs/local", CONFIG, {}, False),
        ("dev", CONFIG, {"PULUMI_CONFIG_PASSPHRASE": "secret"}, False),
        ("dev", CONFIG, {"PULUMI_CONFIG_PASSPHRASE_FILE": "/some/file"}, False),
        ("dev", CONFIG, {"PULUMI_CONFIG_PASSPHRASE": ""}, True),
        ("dev", CONFIG, {"PULUMI_CONFIG_PASSPHRASE": "", "PULUMI_CONFIG_PASSPHRASE_FILE": "/some/file"}, True),
        ("dev", f"secretsprovider: awskms://alias/x\n{CONFIG}", {}, False),
        ("dev", f"secretsprovider: passphrase\n{CONFIG}", {}, True),
        ("dev", f"# secretsprovider: awskms://x\n{CONFIG}", {}, True),
        ("dev", CONFIG, {"PULUMI_BACKEND_URL": "https://api.example.com"}, False),
        ("dev", f"encryptionsalt: v1:abc\n{CONFIG}", {"PULUMI_BACKEND_URL": "https://api.example.com"}, True),
        ("dev", CONFIG, {"PULUMI_BACKEND_URL": "s3://bucket?region=eu-de"}, True),
    ],
)
def test_stack_with_secrets_needs_a_passphrase(
    tmp_path: Path, stack: str, stack_file: str, environment: dict[str, str], is_refused: bool
) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / f"Pulumi.{stack.rpartition('/')[2]}.yaml").write_text(stack_file)
    (tmp_path / "Pulumi.yaml").write_text("name: x\nstackConfigDir: stacks\n")
    with pytest.raises(ToolError, match="passphrase") if is_refused else contextlib.nullcontext():
        stack_check.check_stack(tmp_path, stack, environment)


def test_passphrase_of_a_new_stack_is_to_be_chosen(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: x\nstackConfigDir: stacks\n")
    for salt, end in (("", "_FILE (new stack: choose one)."), ("encryptionsalt: v1:abc\n", "_FILE.")):
        (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text(f"{salt}{CONFIG}")
        with pytest.raises(ToolError) as refusal:
            stack_check.check_stack(tmp_path, "dev", {})
        assert str(refusal.value).endswith(end)


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("OTC_FLOW_LOGS_CACHE", str(folder))
    return folder


@pytest.mark.usefixtures("cache")
def test_environment_keeps_what_the_user_chose() -> None:
    defaults = prepare.exports({"PATH": "/usr/bin"}, VENV, CLI, ["local"])
    assert defaults == {
        "PATH": "/p/.venv/bin:/c/bin:/usr/bin",
        "OTC_FLOW_LOGS_VENV": "/p/.venv",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        "no_grpc_proxy": "127.0.0.1,localhost",
        "PULUMI_PARALLEL": "128",
        "OTC_FLOW_LOGS_READS": "512",
        "OTC_FLOW_LOGS_STACKS": "1",
        "PULUMI_CONFIG_PASSPHRASE": "",
    }
    service = prepare.exports({"PATH": "", "PULUMI_BACKEND_URL": "https://api.pulumi.com"}, VENV, CLI, ["local"])
    assert service["PULUMI_PARALLEL"] == service["OTC_FLOW_LOGS_READS"] == "512"
    chosen = {"PATH": "/usr/bin", "PULUMI_PARALLEL": "8"}
    kept = prepare.exports(chosen, VENV, CLI, ["local"])
    assert kept["PULUMI_PARALLEL"] == kept["OTC_FLOW_LOGS_READS"] == "8"
    assert prepare.exports({**chosen, "OTC_FLOW_LOGS_READS": "9"}, VENV, CLI, ["local"])["OTC_FLOW_LOGS_READS"] == "9"
    assert prepare.exports({"no_grpc_proxy": "db"}, VENV, CLI, ())["no_grpc_proxy"] == "db,127.0.0.1,localhost"
    again = prepare.exports(defaults, VENV, CLI, ["local"])
    assert (again["PATH"], again["no_grpc_proxy"]) == (defaults["PATH"], defaults["no_grpc_proxy"])


def test_cli_is_named_only_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prepare, "ROOT", tmp_path)
    for summary in ("built", "built", "found"):
        prepare._say_once(summary)
    assert capsys.readouterr().err == "built\nfound\n"


def test_local_stack_always_has_the_empty_passphrase() -> None:
    exported = {"PULUMI_CONFIG_PASSPHRASE": "the team's"}
    assert prepare.exports(exported, VENV, CLI, ["local"])["PULUMI_CONFIG_PASSPHRASE"] == ""
    assert "PULUMI_CONFIG_PASSPHRASE" not in prepare.exports(exported, VENV, CLI, ["dev"])


@pytest.mark.parametrize("name", ["PULUMI_PARALLEL", "OTC_FLOW_LOGS_READS", "OTC_FLOW_LOGS_STACKS"])
@pytest.mark.parametrize("value", ["0", "-3", "2.5", "many"])
def test_number_of_parallel_operations_must_be_positive(name: str, value: str) -> None:
    with pytest.raises(ToolError, match=f"{name} is '{value}': it must be a whole number from 1 on."):
        prepare.exports({name: value}, VENV, CLI, ["local"])


def test_other_clis_of_the_cache_are_removed_from_path(cache: Path, tmp_path: Path) -> None:
    stale, official = cache / "pulumi-old" / "bin", tmp_path / "official"
    official.mkdir()
    (official / "pulumi").touch()
    path = prepare.path_with(f"{stale}:/first:{official}:/last", VENV / "bin", official)
    assert path == f"/p/.venv/bin:/first:{official}:/last", "and a CLI found on PATH stays in its place"


def test_built_cli_has_a_pulumi_home_of_its_own(monkeypatch: pytest.MonkeyPatch, cache: Path, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    venv, built = tmp_path / ".venv", offline.build_folder() / "bin"
    assert offline.environment(built, venv, {}) == {}, "the SDK is not installed"
    (venv / "lib/python3.11/site-packages/pulumi_random-4.21.4.dist-info").mkdir(parents=True)
    home = cache / "pulumi-home"

    assert offline.environment(built, venv, {"PULUMI_HOME": "/mine"}) == {}
    new = {
        "PULUMI_HOME": str(home),
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
        "PULUMI_OPTION_GENERATE_CODE": "false",
    }
    assert offline.environment(built, venv, {}) == offline.environment(built, venv, new) == new
    launcher = home / "plugins" / "resource-random-v4.21.4" / "pulumi-resource-random"
    assert f"{built}/pulumi-resource-random" in launcher.read_text()
    assert os.access(launcher, os.X_OK)
    assert (home / "logs").is_file(), "no folder for logs"

    for other in (CLI, None):
        assert offline.environment(other, venv, new) == dict.fromkeys(new), "another CLI must not find the stand-in"
        assert offline.environment(other, venv, {"PULUMI_HOME": "/mine"}) == {}

    (tmp_path / ".pulumi").mkdir()
    (tmp_path / ".pulumi" / "credentials.json").touch()
    assert offline.environment(built, venv, {}) == {}, "a user who has signed in keeps that"


def test_linked_venv_is_used_as_it_is(checkout: Path, tmp_path: Path) -> None:
    """To create it again, as in a copied checkout, would empty it for everyone who shares it."""
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "kept").touch()
    (checkout / ".venv").symlink_to(shared)
    assert ensure_venv(checkout) == checkout / ".venv"
    assert [path.name for path in shared.iterdir()] == ["kept"]


def test_help_lists_every_target_within_80_columns(checkout: Path) -> None:
    listed = make(checkout).stdout
    targets = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"up", "preview", "refresh", "destroy", "recover", "env", "test", "lint"} <= set(targets)
    assert re.findall(r"^  ([a-z-]+) +[A-Z]", listed, re.MULTILINE) == targets
    assert [line for line in listed.splitlines() if len(line) > 80] == []


def test_missing_python_is_reported_in_one_sentence(checkout: Path) -> None:
    result = run(checkout, shutil.which("sh") or "", "tools/python", "-c", "", PATH="/nonexistent")
    assert result.returncode == 1
    assert result.stderr.startswith("error: There is no Python 3.10 or newer")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "script", [ROOT / "tools/python", *ROOT.glob("tools/offline/bin/*")], ids=lambda file: file.name
)
def test_scripts_of_tools_are_executable_and_parse(script: Path) -> None:
    assert os.access(script, os.X_OK)
    subprocess.run(["sh", "-n", script], check=True, timeout=10)


def test_chosen_python_that_is_too_old_is_refused(checkout: Path) -> None:
    old = checkout / "python2"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    result = make(checkout, "env", OTC_FLOW_LOGS_PYTHON=str(old))
    assert result.returncode != 0
    assert result.stderr.startswith(f"error: OTC_FLOW_LOGS_PYTHON is '{old}', which is not a Python 3.10 or newer")


@pytest.mark.parametrize("python", [f"3.{minor}" for minor in range(10, 16)])
def test_constraints_pin_one_version_for_each_python(python: str) -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    names = [pin.name for pin in pins if not pin.marker or pin.marker.evaluate(environment)]
    assert len(names) == len(set(names)) > 60
    assert all(re.fullmatch(r"==[\w.]+", str(pin.specifier)) and not pin.url for pin in pins)
