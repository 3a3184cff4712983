"""What `make` refuses and prints, with the real make in a copy of the tool chain, and the parts behind it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tools import prepare, stack_check
from tools.console import ToolError
from tools.offline import plugin_home
from tools.venv import ensure_venv

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "Pulumi.yaml", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "stacks", folder / "stacks", ignore=shutil.ignore_patterns("__pycache__", "Pulumi.*.yaml"))
    for stack in ("dev", "local", "prod"):
        (folder / "stacks" / f"Pulumi.{stack}.yaml").write_text("config: {}\n")
    return folder


def make(checkout: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PULUMI_", "OTC_", "MAKE")) and name not in ("STACK", "ARGS")
    }
    return subprocess.run(
        ["make", *arguments],
        cwd=checkout,
        env=inherited | environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("target", ["up", "preview", "refresh", "destroy", "recover", "env"])
def test_an_unknown_stack_is_refused_before_anything_happens(checkout: Path, target: str) -> None:
    before = sorted(checkout.iterdir())
    result = make(checkout, target, "STACK=staging")
    assert result.returncode != 0
    assert result.stdout == ""
    assert result.stderr.splitlines()[0] == (
        "error: There is no stack 'staging', since stacks/Pulumi.staging.yaml is missing; "
        "there are dev, local and prod."
    )
    assert sorted(checkout.iterdir()) == before


@pytest.mark.parametrize("environment", [{}, {"PULUMI_CONFIG_PASSPHRASE": ""}])
def test_an_empty_passphrase_serves_local_only(checkout: Path, environment: dict[str, str]) -> None:
    before = sorted(checkout.iterdir())
    result = make(checkout, "up", STACK="dev", **environment)
    assert result.returncode != 0
    assert result.stdout == ""
    assert result.stderr.startswith("error: Stack 'dev' protects its secrets with a passphrase")
    assert "Traceback" not in result.stderr
    assert sorted(checkout.iterdir()) == before


def test_a_stack_is_not_made_in_another_state_than_its_own(checkout: Path) -> None:
    (checkout / "stacks" / "Pulumi.prod.yaml").write_text("config:\n  otc-flow-logs:state: s3://states\n")
    before = sorted(checkout.iterdir())
    result = make(checkout, "up", STACK="prod", PULUMI_CONFIG_PASSPHRASE="x")
    assert result.returncode != 0
    assert result.stderr.startswith(
        "error: Stack 'prod': its state is in s3://states (otc-flow-logs:state), and not in"
    )
    assert sorted(checkout.iterdir()) == before


@pytest.mark.parametrize(
    ("stack", "stack_file", "environment", "refused"),
    [
        ("local", "config: {}", {}, False),
        ("organization/otc-flow-logs/local", "config: {}", {}, False),
        ("dev", "config: {}", {"PULUMI_CONFIG_PASSPHRASE": "secret"}, False),
        ("dev", "config: {}", {"PULUMI_CONFIG_PASSPHRASE_FILE": "/some/file"}, False),
        ("dev", "config: {}", {"PULUMI_CONFIG_PASSPHRASE": "", "PULUMI_CONFIG_PASSPHRASE_FILE": "/some/file"}, True),
        ("dev", "secretsprovider: awskms://alias/x\nconfig: {}", {}, False),
        ("dev", "secretsprovider: passphrase\nconfig: {}", {}, True),
        ("dev", "# secretsprovider: awskms://x\nconfig: {}", {}, True),
        ("dev", "config: {}", {"PULUMI_BACKEND_URL": "https://api.example.com"}, False),
        ("dev", "encryptionsalt: v1:abc\n", {"PULUMI_BACKEND_URL": "https://api.example.com"}, True),
        ("dev", "config: {}", {"PULUMI_BACKEND_URL": "s3://bucket"}, True),
    ],
)
def test_who_needs_a_passphrase(
    tmp_path: Path, stack: str, stack_file: str, environment: dict[str, str], refused: bool
) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / f"Pulumi.{stack.rpartition('/')[2]}.yaml").write_text(stack_file)
    (tmp_path / "Pulumi.yaml").write_text("name: x\nstackConfigDir: stacks\n")
    if refused:
        with pytest.raises(ToolError, match="passphrase"):
            stack_check.check_stack(tmp_path, stack, environment)
    else:
        stack_check.check_stack(tmp_path, stack, environment)


def test_the_environment_keeps_what_the_user_chose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OTC_FLOW_LOGS_CACHE", str(tmp_path))
    venv, cli = Path("/p/.venv"), Path("/c/bin")
    fresh = prepare.exports({"PATH": "/usr/bin"}, venv, cli, "local")
    assert fresh == {
        "PATH": "/p/.venv/bin:/c/bin:/usr/bin",
        "OTC_FLOW_LOGS_VENV": "/p/.venv",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_PARALLEL": "128",
        "OTC_FLOW_LOGS_READS": "512",
        "PULUMI_CONFIG_PASSPHRASE": "",
    }
    chosen = {"PATH": "/usr/bin", "PULUMI_PARALLEL": "8", "PULUMI_CONFIG_PASSPHRASE": "mine"}
    kept = prepare.exports(chosen, venv, cli, "local")
    assert kept["PULUMI_PARALLEL"] == kept["OTC_FLOW_LOGS_READS"] == "8"
    assert prepare.exports({**chosen, "OTC_FLOW_LOGS_READS": "9"}, venv, cli, "local")["OTC_FLOW_LOGS_READS"] == "9"
    assert prepare.exports(fresh, venv, cli, "local")["PATH"] == fresh["PATH"], "a second time adds nothing"


def test_local_has_the_empty_passphrase_whatever_is_exported_for_other_stacks() -> None:
    exported = {"PULUMI_CONFIG_PASSPHRASE": "the team's"}
    assert prepare.exports(exported, Path(".venv"), Path("bin"), "local")["PULUMI_CONFIG_PASSPHRASE"] == ""
    assert "PULUMI_CONFIG_PASSPHRASE" not in prepare.exports(exported, Path(".venv"), Path("bin"), "dev")


@pytest.mark.parametrize("name", ["PULUMI_PARALLEL", "OTC_FLOW_LOGS_READS"])
@pytest.mark.parametrize("value", ["0", "-3", "2.5", "many"])
def test_a_width_that_is_no_number_of_operations_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(ToolError, match=f"{name} is '{value}': it must be a whole number from 1 on."):
        prepare.exports({name: value}, Path(".venv"), Path("bin"), "local")


def test_other_clis_of_the_cache_leave_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OTC_FLOW_LOGS_CACHE", str(tmp_path / "cache"))
    stale, official = tmp_path / "cache" / "pulumi-old" / "bin", tmp_path / "official"
    official.mkdir()
    (official / "pulumi").touch()
    path = prepare.path_with(f"{stale}:/first:{official}:/last", Path("/p/.venv/bin"), official)
    assert path == f"/p/.venv/bin:/first:{official}:/last", "and a CLI found on PATH stays in its place"


def test_the_stand_in_has_a_home_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OTC_FLOW_LOGS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    venv = tmp_path / ".venv"
    (venv / "lib/python3.11/site-packages/pulumi_random-4.21.4.dist-info").mkdir(parents=True)
    home = tmp_path / "cache" / "pulumi-home"

    assert plugin_home.stand_in_home(Path("/c/bin"), venv, {"PULUMI_HOME": "/mine"}) == {}
    new = plugin_home.stand_in_home(Path("/c/bin"), venv, {})
    assert new == {"PULUMI_HOME": str(home), "PULUMI_IGNORE_AMBIENT_PLUGINS": "true"}
    assert plugin_home.stand_in_home(Path("/c/bin"), venv, new) == new
    assert plugin_home.leave_stand_in_home(new) == list(new), "another CLI must not find the stand-in there"
    assert plugin_home.leave_stand_in_home({"PULUMI_HOME": "/mine"}) == []
    launcher = home / "plugins" / "resource-random-v4.21.4" / "pulumi-resource-random"
    assert "/c/bin/pulumi-resource-random" in launcher.read_text()
    assert os.access(launcher, os.X_OK)

    (tmp_path / ".pulumi").mkdir()
    (tmp_path / ".pulumi" / "credentials.json").touch()
    assert plugin_home.stand_in_home(Path("/c/bin"), venv, {}) == {}, "whoever has signed in keeps that"


def test_a_linked_venv_is_somebodys_own(checkout: Path, tmp_path: Path) -> None:
    """Making it anew, as for a copied checkout, would empty it for all who share it."""
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "kept").touch()
    (checkout / ".venv").symlink_to(shared)
    assert ensure_venv(checkout) == checkout / ".venv"
    assert [path.name for path in shared.iterdir()] == ["kept"]


def test_help_lists_every_target(checkout: Path) -> None:
    listed = make(checkout).stdout
    targets = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"up", "preview", "refresh", "destroy", "recover", "env", "test", "lint"} <= set(targets)
    for target in targets:
        assert re.search(rf"^  {target} +[A-Z]", listed, re.MULTILINE), f"{target} has no help"


def test_without_a_python_there_is_one_sentence(checkout: Path) -> None:
    sh = shutil.which("sh")
    assert sh
    result = subprocess.run(
        [sh, "tools/python", "-c", ""],
        cwd=checkout,
        env={"PATH": "/nonexistent"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("error: There is no Python 3.10 or newer")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "script", ["tools/python", *(f"tools/offline/bin/{f.name}" for f in ROOT.glob("tools/offline/bin/*"))]
)
def test_scripts_are_executable_and_parse(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["sh", "-n", script], cwd=ROOT, check=True, timeout=10)


def test_constraints_hold_pins_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r'[A-Za-z0-9._-]+==[0-9A-Za-z.+!]+(; python_version >= "3\.\d+")?', pin) for pin in pins)
    assert pins == sorted(pins, key=lambda pin: pin.split("==")[0].lower())
