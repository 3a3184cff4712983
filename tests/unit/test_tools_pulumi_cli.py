"""Finding or making the CLI, run as `make` runs it; `curl`, `go` and `pulumi` are small scripts on a PATH of ours."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.waiting import eventually
from tools import console, versions

ROOT = Path(__file__).resolve().parents[2]
PINNED = versions.PULUMI
BASICS = ("sh", "cat", "cp", "chmod", "mkdir", "sleep", "touch")


@pytest.mark.parametrize(
    ("text", "enough"),
    [
        ("v3.259.0", True),
        ("3.259.1", True),
        ("v3.260.0-alpha.1", True),
        ("v4.0.0", True),
        ("v3.1000.0", True),
        ("v3.258.9", False),
        ("v3.259.0-alpha.x1", False),
        ("v3.26.0", False),
        ("2.999.0", False),
        ("no version", False),
    ],
)
def test_versions_compare_as_numbers(text: str, enough: bool) -> None:
    assert versions.at_least(text, "3.259.0") is enough


def test_the_go_module_pins_the_same_version() -> None:
    assert f"github.com/pulumi/pulumi/pkg/v3 v{PINNED} " in (ROOT / "tools/offline/cli/go.mod").read_text()


class Machine:
    """A PATH with nothing but what a test puts there, and a cache folder."""

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

    def pulumi(self, version: str, language_host: bool = True) -> None:
        self.script("pulumi", f"echo v{version}")
        if language_host:
            self.script("pulumi-language-python", "")

    def no_network(self) -> None:
        self.script("curl", "echo 'curl: (6) Could not resolve host: get.pulumi.com' >&2; exit 6")

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

    def logged(self, what: str) -> int:
        return sum(line.startswith(what) for line in self.log.read_text().splitlines())

    def cached(self) -> list[str]:
        return sorted(path.name for path in self.cache.glob("*") if path.name != ".lock")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_cli_on_path_that_is_new_enough_is_used(machine: Machine) -> None:
    machine.pulumi("3.300.1")
    code, out, err = machine.run()
    assert (code, out) == (0, str(machine.bin))
    assert err == f"pulumi 3.300.1: found on PATH, {machine.bin / 'pulumi'}"
    assert machine.cached() == []


def test_an_old_cli_on_path_is_named_and_the_installer_asked(machine: Machine) -> None:
    machine.pulumi("3.100.0")
    machine.installer()
    code, out, err = machine.run()
    assert code == 0
    assert out.endswith("-installer/bin")
    assert err == (
        f"pulumi {PINNED}: from the official installer ({machine.bin / 'pulumi'} is 3.100.0, older than {PINNED})"
    )


def test_a_cli_without_its_language_host_is_not_used(machine: Machine) -> None:
    machine.pulumi("3.300.0", language_host=False)
    machine.installer()
    code, out, err = machine.run()
    assert (code, out.endswith("-installer/bin")) == (0, True)
    assert "has no pulumi-language-python beside it" in err


def test_a_cli_that_does_not_run_is_not_used(machine: Machine) -> None:
    machine.script("pulumi", "echo 'exec format error' >&2; exit 126")
    machine.installer()
    code, _, err = machine.run()
    assert code == 0
    assert "does not run: exec format error" in err


def test_what_the_installer_delivered_serves_the_next_run_without_network(machine: Machine) -> None:
    machine.installer()
    first = machine.run()
    machine.no_network()
    second = machine.run()
    assert first[:2] == second[:2]
    assert "kept in ~/cache/" in second[2]
    assert machine.logged("curl") == 1


def test_an_installed_cli_that_does_not_run_is_thrown_away(machine: Machine) -> None:
    machine.installer()
    machine.script("pulumi", "echo 'no such library' >&2; exit 127", machine.folder / "delivered")
    machine.go()
    code, out, err = machine.run()
    assert (code, "-modules-" in out) == (0, True)
    assert "the official installer delivered a CLI that does not run: no such library" in err
    assert all("-modules-" in name for name in machine.cached())


def test_without_the_installer_it_is_built_once_and_kept(machine: Machine) -> None:
    machine.no_network()
    machine.go()
    code, out, err = machine.run()
    assert code == 0
    assert err.splitlines()[-1] == (
        f"pulumi {PINNED}: built from Go modules (none on PATH; "
        "the official installer could not be reached: (6) Could not resolve host: get.pulumi.com)"
    )
    assert "about five minutes" in err.splitlines()[0]
    assert sorted(path.name for path in Path(out).iterdir()) == [
        "pulumi",
        "pulumi-language-python",
        "pulumi-language-python-exec",
        "pulumi-language-python.real",
        "pulumi-resource-pulumi-python",
        "pulumi-resource-random",
    ]
    assert all(os.access(path, os.X_OK) for path in Path(out).iterdir())
    assert (Path(out).parent / "lib/random_plugin/servicer.py").is_file()

    (machine.bin / "go").unlink()
    assert machine.run()[:2] == (0, out)
    assert machine.logged("curl") == 1, "the cached build is used without asking the installer again"


def test_a_missing_go_is_one_sentence(machine: Machine) -> None:
    machine.no_network()
    code, out, err = machine.run()
    assert (code, out) == (1, "")
    assert err.count("\n") == 0
    assert "Go is missing: install Go 1." in err


def test_an_old_go_is_one_sentence(machine: Machine) -> None:
    machine.no_network()
    machine.go("1.20.3")
    code, out, err = machine.run()
    assert (code, out) == (1, "")
    assert "this Go is too old (1.20.3): install Go 1." in err
    assert machine.cached() == []


def test_a_missing_curl_is_told(machine: Machine) -> None:
    machine.go()
    assert "the official installer needs curl, which is missing" in machine.run()[2]


def test_a_build_that_fails_leaves_nothing(machine: Machine) -> None:
    machine.no_network()
    machine.go(before_build="echo 'go: no space' >&2; exit 1;")
    code, out, err = machine.run()
    assert (code, out, machine.cached()) == (1, "", [])
    assert err.splitlines()[-1].endswith("building the CLI failed: go: no space")


def _wait_for(file: Path) -> None:
    deadline = time.monotonic() + 20
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_ended_in_mid_build_leaves_nothing_that_counts(machine: Machine, sign: signal.Signals) -> None:
    started = machine.folder / "started"
    machine.no_network()
    machine.go(before_build=f"touch {started}; exec sleep 2;")
    process = machine.start()
    _wait_for(started)
    process.send_signal(sign)
    _, err = process.communicate(timeout=20)
    assert "Traceback" not in err
    assert process.returncode == (-sign if sign == signal.SIGKILL else 130)
    assert machine.cached() == [] or sign == signal.SIGKILL
    assert not any("-modules-" in name for name in machine.cached())

    machine.go()
    code, out, _ = machine.run()
    assert (code, Path(out, "pulumi").is_file()) == (0, True)
    assert len(machine.cached()) == 1, "what the killed run left is swept away"


def test_two_runs_at_once_build_once(machine: Machine) -> None:
    machine.no_network()
    machine.go(before_build="sleep 0.5;")
    both = [machine.start(), machine.start()]
    outputs = [process.communicate(timeout=30)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert outputs[0] == outputs[1]
    assert machine.logged("go build") == 2, "the CLI and the language host, once each"
    assert len(machine.cached()) == 1


def test_a_cache_folder_that_cannot_be_written_is_one_sentence(machine: Machine) -> None:
    machine.installer()
    machine.cache.write_text("a file")
    code, out, err = machine.run()
    assert (code, out) == (1, "")
    assert "set OTC_FLOW_LOGS_CACHE" in err


def test_a_command_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code, output = console.run(["sh", "-c", f"sleep 60 & echo $! > {pid}; wait"], timeout=2)
    assert (code, "gave up" in output) == (124, True)
    command_line = Path("/proc", pid.read_text().strip(), "cmdline")

    def is_gone() -> bool:
        try:
            return not command_line.read_bytes()  # empty where it is dead, and only waits to be collected
        except OSError:
            return True

    eventually(is_gone)
