"""The Pulumi CLI built from published Go modules, where only package registries can be reached.

Everything comes from the Go module proxy, pinned by the go.sum files beside this module: the CLI, the newest Python
language host that is published as a module, and two scripts of the SDK. The `random` plugin is not published that way;
a stand-in (cli/random) takes its place.
"""

import hashlib
import os
import re
import shutil
from pathlib import Path

from providers.stderr import say
from tools import versions
from tools.cache import cli_folder
from tools.console import ToolError, last_line, run

_TOOLS = Path(__file__).parent
_CLI = _TOOLS / "cli"
_LANGUAGE_HOST = _TOOLS / "language_host"
_LAUNCHERS = _TOOLS / "bin"
_RANDOM = _CLI / "random"

_SDK = "github.com/pulumi/pulumi/sdk/v3"
_VERSION_VARIABLE = f"{_SDK}/go/common/version.Version"
_BUILD_SECONDS = 45 * 60


def build_folder() -> Path:
    """Where the build is kept, complete or absent."""
    return cli_folder(f"modules-{recipe_digest()}")


def recipe_digest() -> str:
    """Identifies the sources of a build: only other modules or launchers need another one."""
    digest = hashlib.sha256(versions.PULUMI.encode())
    sources = [_CLI, _RANDOM, _LANGUAGE_HOST, _LAUNCHERS]
    for file in sorted(file for folder in sources for file in folder.iterdir() if file.is_file()):
        digest.update(f"\0{file.relative_to(_TOOLS)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:10]


def _require_go(why: str) -> str:
    """The `go` to build with.

    Raises:
        ToolError: Go is missing or too old; the text names what to install.
    """
    least = _go_directive(_CLI)
    install = f"install Go {least} or newer (https://go.dev/dl), or the Pulumi CLI {versions.PULUMI} or newer"
    go = shutil.which("go")
    if not go:
        raise ToolError(f"Pulumi has to be built ({why}), and Go is missing: {install}.")
    code, output = run([go, "version"], timeout=30, cwd=Path("/"), env=_go_environment())
    if code:
        raise ToolError(f"Pulumi has to be built ({why}), and Go does not run ({last_line(output)}): {install}.")
    found = versions.parse(output)
    if versions.at_least(output, least) or not found:
        return go
    _, toolchain = run([go, "env", "GOTOOLCHAIN"], timeout=30, cwd=Path("/"), env=_go_environment())
    if toolchain.strip() == "local" or not versions.at_least(output, "1.21"):
        number = ".".join(str(part) for part in found[:3])
        raise ToolError(f"Pulumi has to be built ({why}), and this Go is too old ({number}): {install}.")
    return go  # Go downloads the newer one by itself


def build(folder: Path, why: str) -> None:
    """Fill `folder` with bin/, to be put on PATH.

    Args:
        folder: An empty folder.
        why: Why no other CLI can be used, for messages.

    Raises:
        ToolError: Go is missing or too old, or the build failed.
    """
    go = _require_go(why)
    binaries = folder / "bin"
    binaries.mkdir()
    say(
        f"pulumi {versions.PULUMI}: building it from Go modules; the first time takes up to five minutes "
        "on two cores, later clones on this machine start at once"
    )
    tool = _go_mod(_CLI, r"^tool (\S+)$")
    _go_build(go, _CLI, tool, binaries / "pulumi", "the CLI", f"-X {_VERSION_VARIABLE}=v{versions.PULUMI}")
    _go_build(go, _CLI, "./random", binaries / "pulumi-resource-random", "the stand-in random plugin")
    tool = _go_mod(_LANGUAGE_HOST, r"^tool (\S+)$")
    _go_build(go, _LANGUAGE_HOST, tool, binaries / "pulumi-language-python.real", "the Python language host")
    sdk = Path(_go(go, _CLI, ["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", _SDK], "finding the SDK").strip())
    scripts = ["cmd/pulumi-language-python-exec", "dist/pulumi-resource-pulumi-python"]
    for source in [*(sdk / "python" / script for script in scripts), *_LAUNCHERS.iterdir()]:
        if not source.is_file():
            raise ToolError(f"{source} is missing: empty the Go module cache (go clean -modcache), and try again.")
        shutil.copyfile(source, binaries / source.name)
        (binaries / source.name).chmod(0o755)


def _go_build(go: str, module: Path, package: str, target: Path, what: str, link_flags: str = "") -> None:
    arguments = ["build", "-v", "-mod=readonly", "-ldflags", f"-s -w {link_flags}".strip(), "-o", str(target)]
    _go(go, module, [*arguments, package], f"building {what}")


def _go(go: str, module: Path, arguments: list[str], doing: str) -> str:
    command = [go, *arguments]
    code, output = run(
        command, timeout=_BUILD_SECONDS, cwd=module, env=_go_environment(), doing=doing, describe=_describe
    )
    if code:
        raise ToolError(f"Pulumi could not be built from Go modules: {doing} failed: {last_line(output)}")
    return output


def _go_environment() -> dict[str, str]:
    """No C compiler is needed, and a go.work around the checkout changes nothing."""
    return {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}


def _describe(line: str) -> str:
    """`go build -v` names each download and each package it compiles."""
    return line.removeprefix("go: ") if line.startswith("go: ") else f"compiling {line}"


def _go_directive(module: Path) -> str:
    return _go_mod(module, r"^go (\S+)$")


def _go_mod(module: Path, pattern: str) -> str:
    found = re.search(pattern, (module / "go.mod").read_text(), re.MULTILINE)
    if not found:
        raise ToolError(f"{module / 'go.mod'} has no line that matches '{pattern}'.")
    return found.group(1)
