"""Finding, installing and building the CLI, as `make` does; `curl`, `go` and `pulumi` are scripts on a test's PATH."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import eventually
from tools import console, versions

ROOT = Path(__file__).resolve().parents[2]
PINNED = versions.PULUMI
BASICS = ("sh", "cat", "cp", "chmod", "mkdir", "sleep", "touch")


@pytest.mark.parametrize(
    ("newer", "versions_"),
    [
        (True, ["v3.259.0", "3.259.1", "v3.260.0-alpha.1", "v4.0.0", "v3.1000.0"]),
        (False, ["v3.258.9", "v3.259.0-alpha.x1", "v3.26.0", "2.999.0", "no version"]),
    ],
)
def test_versions_are_compared_as_numbers(newer: bool, versions_: list[str]) -> None:
    assert [versions.at_least(version, "3.259.0") for version in versions_] == [newer] * 5


def test_go_module_has_the_same_version_as_the_tools() -> None:
    assert f"github.com/pulumi/pulumi/pkg/v3 v{PINNED} " in (ROOT / "tools/offline/cli/go.mod").read_text()


class Machine:
    """A PATH with a test's scripts only, and a cache folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.bin = folder / "bin"
        self.log = folder / "log"
        self.bin.mkdir()
        self.log.touch()
        for name in BASICS:
            found = shutil.which(name)
            assert found
            (self.bin / name).symlink_to(found)

    def script(self, name: str, body: str, folder: Path | None = None) -> Path:
        file = (folder or self.bin) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.log}"\n{body}\n')
        file.chmod(0o755)
        return file

    def installer(self, version: str = PINNED) -> None:
        delivered = self.folder / "delivered"
        self.script("pulumi", f"echo v{version}", delivered)
        self.script("pulumi-language-python", "", delivered)
        installer = self.folder / "install.sh"
        # Called with: --version X --install-root DIR ...
        installer.write_text(f'mkdir -p "$4/bin" && cp {delivered}/* "$4/bin"\n')
        self.script("curl", f'while [ "$1" != -o ]; do shift; done; cp {installer} "$2"')

    def go(self, version: str = "1.99.0", before_build: str = "") -> None:
        sdk = self.folder / "sdk"
        for script in ("cmd/pulumi-language-python-exec", "dist/pulumi-resource-pulumi-python"):
            self.script(Path(script).name, "", (sdk / "python" / script).parent)
        product = self.script("product", "echo built", self.folder)
        self.script(
            "go",
            f"""case "$1" in
            version) echo go version go{version} linux/amd64 ;;
            env) echo local ;;
            list) echo {sdk} ;;
            build) {before_build}
                while [ "$1" != -o ]; do shift; done; cp {product} "$2" ;;
            esac""",
        )

    def start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "tools.pulumi_cli"],
            cwd=ROOT,
            env={"PATH": str(self.bin), "OTC_FLOW_LOGS_CACHE": str(self.cache), "HOME": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self) -> tuple[int, str, str]:
        process = self.start()
        out, err = process.communicate(timeout=30)
        assert "Traceback" not in err
        return process.returncode, out.strip(), err.strip()

    def count_calls(self, command: str) -> int:
        return sum(line.startswith(command) for line in self.log.read_text().splitlines())

    def cached(self) -> list[str]:
        return sorted(path.name for path in self.cache.glob("*") if path.name != ".lock")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def offline(machine: Machine) -> Machine:
    """A machine that does not reach the official installer."""
    machine.script("curl", "echo 'curl: (6) Could not resolve host: get.pulumi.com' >&2; exit 6")
    return machine


def test_new_cli_on_path_is_used(machine: Machine) -> None:
    machine.script("pulumi", "echo v3.300.1")
    machine.script("pulumi-language-python", "")
    assert machine.run() == (0, str(machine.bin), f"pulumi 3.300.1: found on PATH, {machine.bin / 'pulumi'}")
    assert machine.cached() == []


@pytest.mark.parametrize(
    ("script", "has_language_host", "objection"),
    [
        ("echo v3.100.0", True, f"/bin/pulumi is 3.100.0, older than {PINNED})"),
        ("echo v3.300.0", False, "has no pulumi-language-python beside it or on PATH)"),
        ("echo 'exec format error' >&2; exit 126", True, "does not run: exec format error)"),
    ],
)
def test_unusable_cli_on_path_is_replaced_by_the_official_installer(
    machine: Machine, script: str, has_language_host: bool, objection: str
) -> None:
    machine.script("pulumi", script)
    if has_language_host:
        machine.script("pulumi-language-python", "")
    machine.installer()

    code, out, err = machine.run()

    assert (code, out.endswith("-installer/bin")) == (0, True)
    assert err.startswith(f"pulumi {PINNED}: from the official installer (")
    assert err.endswith(objection)


def test_installed_cli_is_kept_for_the_next_run(machine: Machine) -> None:
    machine.installer()
    first, second = machine.run(), machine.run()
    assert first[:2] == second[:2]
    assert "kept in ~/cache/" in second[2]
    assert machine.count_calls("curl") == 1


def test_installed_cli_that_does_not_run_is_removed(machine: Machine) -> None:
    machine.installer()
    machine.script("pulumi", "echo 'no such library' >&2; exit 127", machine.folder / "delivered")
    machine.go()
    code, out, err = machine.run()
    assert (code, "-modules-" in out) == (0, True)
    assert "the official installer delivered a CLI that does not run: no such library" in err
    assert all("-modules-" in name for name in machine.cached())


def test_cli_is_built_once_if_the_installer_fails(offline: Machine) -> None:
    offline.go()
    code, out, err = offline.run()
    assert code == 0
    assert err.splitlines()[-1] == (
        f"pulumi {PINNED}: built from Go modules (none on PATH; "
        "the official installer could not be reached: (6) Could not resolve host: get.pulumi.com)"
    )
    assert "up to five minutes" in err.splitlines()[0]
    files = sorted(Path(out).iterdir())
    assert [path.name for path in files] == [
        "pulumi",
        "pulumi-language-python",
        "pulumi-language-python-exec",
        "pulumi-language-python.real",
        "pulumi-resource-pulumi-python",
        "pulumi-resource-random",
    ]
    assert all(os.access(path, os.X_OK) for path in files)

    (offline.bin / "go").unlink()
    assert offline.run()[:2] == (0, out)
    assert offline.count_calls("curl") == 1, "the cached build is used without asking the installer again"


@pytest.mark.parametrize(
    ("go_version", "error"),
    [("", "Go is missing: install Go 1."), ("1.20.3", "this Go is too old (1.20.3): install Go 1.")],
)
def test_missing_curl_and_missing_or_old_go_are_reported(machine: Machine, go_version: str, error: str) -> None:
    if go_version:
        machine.go(go_version)
    code, out, err = machine.run()
    assert (code, out, err.count("\n"), machine.cached()) == (1, "", 0, [])
    assert "the official installer needs curl, which is missing" in err
    assert error in err


def test_failed_build_leaves_nothing_behind(offline: Machine) -> None:
    offline.go(before_build="echo 'go: no space' >&2; exit 1;")
    code, out, err = offline.run()
    assert (code, out, offline.cached()) == (1, "", [])
    assert err.splitlines()[-1].endswith("building the CLI failed: go: no space")


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_interrupted_build_is_never_used(offline: Machine, sign: signal.Signals) -> None:
    started = offline.folder / "started"
    offline.go(before_build=f"touch {started}; exec sleep 10;")
    process = offline.start()
    eventually(started.exists)
    process.send_signal(sign)
    _, err = process.communicate(timeout=20)
    assert "Traceback" not in err
    assert process.returncode == (-sign if sign == signal.SIGKILL else 130)
    assert offline.cached() == [] or sign == signal.SIGKILL
    assert not any("-modules-" in name for name in offline.cached())

    offline.go()
    code, out, _ = offline.run()
    assert (code, Path(out, "pulumi").is_file()) == (0, True)
    assert len(offline.cached()) == 1, "the next run removes what a killed one left"


def test_two_runs_at_once_build_once(offline: Machine) -> None:
    offline.go(before_build="sleep 0.5;")
    both = [offline.start(), offline.start()]
    outputs = [process.communicate(timeout=30)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert outputs[0] == outputs[1]
    assert offline.count_calls("go build") == 3, "the CLI, the random plugin and the language host, once each"
    assert len(offline.cached()) == 1


def test_unwritable_cache_folder_is_reported(machine: Machine) -> None:
    machine.installer()
    machine.cache.write_text("a file")
    code, out, err = machine.run()
    assert (code, out) == (1, "")
    assert "set OTC_FLOW_LOGS_CACHE" in err


def test_hanging_command_is_ended_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code, output = console.run(["sh", "-c", f"sleep 60 & echo $! > {pid}; wait"], timeout=0.7)
    assert (code, "gave up" in output) == (124, True)
    command_line = Path("/proc", pid.read_text().strip(), "cmdline")

    def is_gone() -> bool:
        try:
            return not command_line.read_bytes()  # empty if it is dead and not yet collected
        except OSError:
            return True

    eventually(is_gone)
