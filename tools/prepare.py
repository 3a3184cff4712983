"""Gets everything ready that a make target needs, and prints the shell lines to run it with.

    python -m tools.prepare venv            .venv
    python -m tools.prepare cli             .venv and the Pulumi CLI
    python -m tools.prepare stack STACK     these, and the stack: checked, created if new
    python -m tools.prepare env STACK       the same, and the stack selected, for a bare `pulumi`

stdout is for `eval`; everything meant for people goes to stderr. When all is there already, it takes a moment.
"""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from stacks.checks import backend, passphrase
from stacks.stackfile.location import short_name
from tools import pulumi_cli
from tools.cache import cache_folder
from tools.console import ToolError, last_line, run, say
from tools.offline.plugin_home import leave_stand_in_home, stand_in_home
from tools.stack_check import check_stack
from tools.venv import ensure_venv

ROOT = Path(__file__).absolute().parent.parent

# Operations mostly wait for the API: Pulumi's own default, four per core, would leave most of them queueing. With many
# more than this, the engine is busy writing what is under way into the state (measured with `python -m bench --n 500`).
# How many calls are under way at once is the client's affair: see providers.er.background.
PARALLEL = 128
# What only reads writes no state, and the more is asked at once, the fewer lists it takes.
READS = "OTC_FLOW_LOGS_READS"
_READS = 512
_SELECT_SECONDS = 120


def exports(environment: Mapping[str, str], venv: Path, cli: Path | None, stack: str | None) -> dict[str, str]:
    """The variables to set, given the ones there are; what the user has chosen stays, except for `local`'s passphrase.

    Raises:
        ToolError: What the user has chosen makes no sense.
    """
    new = {"PATH": path_with(environment.get("PATH", os.defpath), venv / "bin", cli)}
    new["OTC_FLOW_LOGS_VENV"] = str(venv)
    if cli:
        new["PULUMI_SKIP_UPDATE_CHECK"] = environment.get("PULUMI_SKIP_UPDATE_CHECK", "true")
    if stack:
        width = _width("PULUMI_PARALLEL", environment) or PARALLEL
        reads = _width(READS, environment) or (_READS if width == PARALLEL else width)
        new |= {"PULUMI_PARALLEL": str(width), READS: str(reads)}
        if short_name(stack) == passphrase.LOCAL:
            new[passphrase.VARIABLE] = ""  # whatever is exported for other stacks
    return new


def _width(name: str, environment: Mapping[str, str]) -> int | None:
    """How many operations at once the variable asks for, if it does."""
    text = environment.get(name, "").strip()
    if not text:
        return None
    if not (text.isdecimal() and int(text)):
        raise ToolError(f"{name} is {text!r}: it must be a whole number from 1 on.")
    return int(text)


def path_with(path: str, binaries: Path, cli: Path | None) -> str:
    """PATH with the project's tools first. Other CLIs of our cache go: their stand-in plugin would be found."""
    first = [str(binaries)]
    rest = [folder for folder in path.split(os.pathsep) if folder not in first]
    if cli:
        rest = [folder for folder in rest if not Path(folder).is_relative_to(cache_folder())]
        found = next((folder for folder in rest if folder and Path(folder, "pulumi").is_file()), None)
        if found != str(cli):
            first.append(str(cli))
            rest = [folder for folder in rest if folder != str(cli)]
    return os.pathsep.join([*first, *rest])


def is_in_checkout(stack: str, environment: Mapping[str, str]) -> bool:
    """Whether the checkout holds state of that stack: a look at a file saves a start of the CLI in every run."""
    stacks = ROOT / ".local" / "state" / ".pulumi" / "stacks"
    return not environment.get("PULUMI_BACKEND_URL") and any(stacks.glob(f"*/{stack}.json"))


def select(stack: str, environment: Mapping[str, str]) -> None:
    """Create the stack if it is new and make it the one that a bare `pulumi` works on."""
    if not environment.get("PULUMI_BACKEND_URL"):
        (ROOT / ".local" / "state").mkdir(parents=True, exist_ok=True)
    # A second time, because another one may create the stack in between and then it only needs selecting.
    for _ in range(2):
        code, output = run(
            ["pulumi", "stack", "select", "--create", stack, "--non-interactive", "--color", "never"],
            timeout=_SELECT_SECONDS,
            cwd=ROOT,
            env=environment,
            doing=f"selecting stack {stack}",
        )
        if not (code and "already exists" in output):
            break
    if code:
        errors = [line for line in output.splitlines() if line.startswith("error:")]
        reason = errors[0].removeprefix("error:").strip() if errors else last_line(output)
        url = environment.get(backend.VARIABLE) or ""
        reason = reason.replace(url, backend.public(url)) if url else reason
        raise ToolError(f"Stack '{stack}' could not be selected: {reason}")


def prepare(what: str, stack: str | None) -> tuple[dict[str, str], list[str]]:
    """Get it all ready; return the variables to set and the ones to unset."""
    if stack is not None:
        check_stack(ROOT, stack, os.environ)
    venv = ensure_venv(ROOT)
    if what == "venv":
        return exports(os.environ, venv, None, None), []
    cli = pulumi_cli.find()
    say(cli.story)
    new = exports(os.environ, venv, cli.folder, stack)
    if stack is None:
        return new, leave_stand_in_home(os.environ)
    old = []
    if cli.has_stand_in:
        new |= stand_in_home(cli.folder, venv, os.environ)
    else:
        old = leave_stand_in_home(os.environ)
    if what == "env" or not is_in_checkout(stack, os.environ):
        select(stack, {name: value for name, value in (os.environ | new).items() if name not in old})
    if what == "env":
        # A shell stays: there the one would outrank a PULUMI_PARALLEL that is set later, and the other what is exported
        # for other stacks.
        del new[READS]
        if passphrase.VARIABLE in os.environ or os.environ.get(passphrase.FILE_VARIABLE):
            new.pop(passphrase.VARIABLE, None)
    return new, old


def main(arguments: list[str]) -> int:
    known = {"venv": 1, "cli": 1, "stack": 2, "env": 2}
    if not arguments or len(arguments) != known.get(arguments[0]):
        say("usage: python -m tools.prepare venv | cli | stack STACK | env STACK")
        return 2
    what, stack = arguments[0], arguments[1] if arguments[1:] else None
    try:
        new, old = prepare(what, stack)
    except ToolError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next run starts that step anew")
        return 130
    for name in old:
        print(f"unset {name}")
    for name, value in new.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
