"""Installs the Pulumi CLI with the official installer, into a given folder; PATH and profiles stay as they are."""

import os
import shutil
import tempfile
from pathlib import Path

from tools.console import last_line, run

ADDRESS = "https://get.pulumi.com"

CONNECT_SECONDS = 5
SCRIPT_SECONDS = 10
DOWNLOAD_SECONDS = 300


class InstallerError(Exception):
    """Why the installer failed, worded to follow "the official installer ..."."""


def install(version: str, folder: Path) -> None:
    """Put the CLI of that version into `folder`/bin, or raise InstallerError: within seconds when offline."""
    curl = shutil.which("curl")
    if not curl:  # the installer downloads with it too
        raise InstallerError("needs curl, which is missing")
    with tempfile.TemporaryDirectory(prefix="installer-", dir=folder) as work:
        script = Path(work, "install.sh")
        fetch = [curl, "-fsSL", "--connect-timeout", str(CONNECT_SECONDS), "--max-time", str(SCRIPT_SECONDS)]
        code, output = run([*fetch, "-o", script, ADDRESS], timeout=SCRIPT_SECONDS + 5)
        if code:
            raise InstallerError(f"could not be reached: {_reason(output)}")
        code, output = run(
            ["sh", script, "--version", version, "--install-root", folder, "--no-edit-path", "--silent"],
            timeout=DOWNLOAD_SECONDS,
            env={**os.environ, "TMPDIR": work, "CURL_HOME": _curl_home(Path(work))},
            doing=f"downloading Pulumi {version}",
        )
        if code:
            raise InstallerError(f"failed: {_reason(output)}")


def _reason(output: str) -> str:
    """The error of curl, if there is one: the script itself ends with lines about asking for help."""
    errors = [line for line in output.splitlines() if line.startswith("curl:")]
    return errors[-1].removeprefix("curl:").strip() if errors else last_line(output)


def _curl_home(folder: Path) -> str:
    """A folder with the user's curl settings (a proxy, say) and time limits, which the script does not set."""
    homes = [os.environ.get("CURL_HOME"), os.environ.get("XDG_CONFIG_HOME"), os.environ.get("HOME")]
    users = next((file for home in homes if home and (file := Path(home, ".curlrc")).is_file()), None)
    limits = f"\nconnect-timeout = {CONNECT_SECONDS}\nspeed-limit = 10000\nspeed-time = 15\n"
    Path(folder, ".curlrc").write_text((users.read_text() if users else "") + limits)
    return str(folder)
