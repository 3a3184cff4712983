"""Prepares what a make target needs, and prints the shell lines that set its environment.

    python -m tools.prepare venv            .venv
    python -m tools.prepare cli             .venv and the Pulumi CLI
    python -m tools.prepare stack STACK     these, and the stack: checked, created if new
    python -m tools.prepare stacks STACKS   the same for several stacks, with spaces between their names
    python -m tools.prepare env STACK       the same, and the stack selected, for a bare `pulumi`

stdout is for `eval`; messages go to stderr. It takes a moment if everything is there already. Except for `env`, it also
makes $ARGS, with the quotation marks of a shell, the arguments of the shell that evaluates it.
"""

import argparse
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from providers.backend import is_service
from providers.config_keys import STACKS_AT_ONCE
from providers.stderr import say
from stacks.checks import backend, passphrase
from stacks.stackfile.location import LOCAL, short_name, stack_file
from tools import offline, pulumi_cli
from tools.cache import cache_folder
from tools.console import ToolError, exit_code, first_error, run
from tools.stack_check import check_exists, check_stack
from tools.venv import ensure_venv

ROOT = Path(__file__).absolute().parent.parent

# Operations mostly wait for the API: with Pulumi's own default, four per core, most of them would queue. The client
# limits how many calls run at once: see providers.er.background. docs/speed.md says how both widths were measured.
#
# Most backends keep the state in one document, which each step writes, with all pending operations: with many more than
# this, the engine is busy with that.
PARALLEL = 128
# Services get a journal of what changes, and commands that only read write no state. The more is done at once, the
# fewer lists the client requests.
WIDE = 512
READS = "OTC_FLOW_LOGS_READS"
# How many stacks run at once: as many as the machine has cores, within these bounds. Each takes half a gigabyte of
# memory, and docs/guides/splitting-stacks.md has measurements.
FEW_STACKS, MANY_STACKS = 4, 16
_PULUMI_SECONDS = 120
_NO_SUCH_STACK = 6  # Pulumi's exit code
_OF_ONE_STACK = re.compile(
    r"--(config-file|event-log|exclude|import-file|plan|replace|save-plan|target|target-replace)(=|$)|-[tx]"
)
_DEFAULTS = {
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    # For a state in object storage. OBS refuses uploads in the form that has a checksum, and sends no checksums.
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
}
_LOOPBACK = ["127.0.0.1", "localhost"]


def exports(environment: Mapping[str, str], venv: Path, cli: Path | None, stacks: Sequence[str]) -> dict[str, str]:
    """The variables to set; what the user has chosen stays, except for the passphrase of `local`.

    Raises:
        ToolError: A variable of the user is not valid.
    """
    new = {"PATH": path_with(environment.get("PATH", os.defpath), venv / "bin", cli)}
    new["OTC_FLOW_LOGS_VENV"] = str(venv)
    if cli:
        new |= {name: environment.get(name, default) for name, default in _DEFAULTS.items()}
        # Otherwise gRPC, alone of all that is used here, connects to the engine through the user's proxy.
        direct = [host for host in environment.get("no_grpc_proxy", "").split(",") if host]
        new["no_grpc_proxy"] = ",".join(dict.fromkeys([*direct, *_LOOPBACK]))
    if stacks:
        width = _width("PULUMI_PARALLEL", environment) or (WIDE if is_service(_backend(environment)) else PARALLEL)
        reads = _width(READS, environment) or (WIDE if width in (PARALLEL, WIDE) else width)
        new |= {"PULUMI_PARALLEL": str(width), READS: str(reads)}
        at_once = _width(STACKS_AT_ONCE, environment) or min(max(os.cpu_count() or 1, FEW_STACKS), MANY_STACKS)
        new[STACKS_AT_ONCE] = str(min(at_once, len(stacks)))
        if short_name(stacks[0]) == LOCAL:
            new[passphrase.VARIABLE] = ""  # whatever is exported for other stacks
    return new


def _backend(environment: Mapping[str, str]) -> str:
    return backend.find_current_backend((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"), environment)


def _width(name: str, environment: Mapping[str, str]) -> int | None:
    """How many operations at once the variable asks for, if it does."""
    text = environment.get(name, "").strip()
    if not text:
        return None
    if not (text.isdecimal() and int(text)):
        raise ToolError(f"{name} is {text!r}: it must be a whole number from 1 on.")
    return int(text)


def path_with(path: str, binaries: Path, cli: Path | None) -> str:
    """PATH with the project's tools first, and without other CLIs of the cache: their plugins would be found."""
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
    """Whether the checkout holds state of that stack: to test for a file saves a start of the CLI in every run."""
    stacks = ROOT / ".local" / "state" / ".pulumi" / "stacks"
    return not environment.get(backend.VARIABLE) and any(stacks.glob(f"*/{stack}.json"))


def create(stack: str, environment: Mapping[str, str]) -> None:
    """Create the stack if it is new. A bare `pulumi` goes on to work on the one that was selected before."""
    if not environment.get(backend.VARIABLE):
        (ROOT / ".local" / "state").mkdir(parents=True, exist_ok=True)
    code, output = _pulumi(["stack", "--show-name", "--stack", stack], f"looking for stack {stack}", environment)
    if code == _NO_SUCH_STACK:
        doing = f"creating stack {stack}"
        code, output = _pulumi(["stack", "init", stack, "--no-select"], doing, environment)
        if code and "already exists" in output:  # since another run has created it in between
            code = 0
    if code and (mistake := _find_mistake(stack, environment)):
        raise ToolError(f"{mistake}.")
    _check(code, output, f"Stack '{stack}' could not be opened", environment)


def _find_mistake(stack: str, environment: Mapping[str, str]) -> str:
    """What is wrong with the YAML of the stack's file; empty if it is valid."""
    # Only the virtual environment has a parser.
    file = stack_file(short_name(stack), ROOT).relative_to(ROOT)
    command = ["python", "-m", "stacks.stackfile.syntax", str(file)]
    code, output = run(command, timeout=_PULUMI_SECONDS, cwd=ROOT, env=environment, doing=f"reading {file}")
    return "" if code else output.strip()


def select(stack: str, environment: Mapping[str, str]) -> None:
    """Make the stack the one that a bare `pulumi` works on."""
    code, output = _pulumi(["stack", "select", stack], f"selecting stack {stack}", environment)
    _check(code, output, f"Stack '{stack}' could not be selected", environment)


def _pulumi(arguments: list[str], doing: str, environment: Mapping[str, str]) -> tuple[int, str]:
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    return run(command, timeout=_PULUMI_SECONDS, cwd=ROOT, env=environment, doing=doing)


def _check(code: int, output: str, failure: str, environment: Mapping[str, str]) -> None:
    if code:
        reason, url = first_error(output), environment.get(backend.VARIABLE)
        reason = reason.replace(url, backend.mask_secrets(url)) if url else reason
        raise ToolError(f"{failure}: {reason}")


def prepare(what: str, stacks: Sequence[str]) -> dict[str, str | None]:
    """Prepare it all; return the variables to set, and None for those to unset."""
    for stack in stacks:
        check_exists(ROOT, stack)
    for stack in stacks:
        check_stack(ROOT, stack, os.environ)
    venv = ensure_venv(ROOT)
    new: dict[str, str | None] = {}
    if what == "venv":
        new |= exports(os.environ, venv, None, ())
        return new
    cli = pulumi_cli.find_cli()
    _say_once(cli.summary)
    new |= exports(os.environ, venv, cli.folder, stacks)
    new |= offline.environment(cli.folder if stacks else None, venv, os.environ)
    environment = {name: value for name, value in (os.environ | new).items() if value is not None}
    for stack in stacks:
        if not is_in_checkout(stack, os.environ):
            create(stack, environment)
    if what == "env":
        select(stacks[0], environment)
        # A shell stays: READS would outrank a PULUMI_PARALLEL that is set later, and the empty passphrase of `local`
        # would outrank one that is exported for other stacks.
        del new[READS], new[STACKS_AT_ONCE]
        if passphrase.VARIABLE in os.environ or os.environ.get(passphrase.FILE_VARIABLE):
            new.pop(passphrase.VARIABLE, None)
    return new


def _say_once(summary: str) -> None:
    """Say which CLI is used, unless it is the one of the last time."""
    last = ROOT / ".local" / "cli"
    if last.is_file() and last.read_text(encoding="utf-8") == summary:
        return
    say(summary)
    last.parent.mkdir(exist_ok=True)
    last.write_text(summary, encoding="utf-8")


def split_arguments(text: str) -> list[str]:
    """The arguments in ARGS. No shell reads it: that would expand the `$` of URNs, and run commands.

    Raises:
        ToolError: A quotation mark has no partner, or a backslash is the last character.
    """
    try:
        return shlex.split(text)
    except ValueError:
        raise ToolError(f"ARGS has an unmatched quotation mark or a trailing backslash: {text}") from None


def check_stack_is_one(what: str, stack: str, extra: Sequence[str]) -> None:
    """Refuse a stack in ARGS.

    Raises:
        ToolError: Pulumi would change that one, after checks and a question about another.
    """
    if option := next((text for text in extra if re.match(r"--stack(=|$)|-s", text)), None):
        variable = what.upper()
        raise ToolError(f"ARGS has {option}, but {variable} is {stack}: name the stack in {variable} alone.")


def split_stacks(text: str, extra: Sequence[str]) -> list[str]:
    """The stacks in STACKS.

    Raises:
        ToolError: They cannot run together, or not with these arguments.
    """
    stacks = text.split()
    names = [short_name(stack) for stack in stacks]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ToolError(f"STACKS is {text!r}: it names {twice} twice.")
    if len(names) > 1 and LOCAL in names:
        raise ToolError(f"STACKS is {text!r}: {LOCAL} has a passphrase of its own; use STACK for it.")
    if option := next((text for text in extra if _OF_ONE_STACK.match(text)), None):
        raise ToolError(f"ARGS has {option}, which is about one stack: use STACK instead of STACKS.")
    return stacks


def main(arguments: list[str]) -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m tools.prepare", description=__doc__, formatter_class=form)
    parser.add_argument("what", choices=("venv", "cli", "stack", "stacks", "env"))
    parser.add_argument("stack", metavar="STACK", nargs="?")
    options = parser.parse_args(arguments)
    if (options.stack is not None) is not (options.what in ("stack", "stacks", "env")):
        parser.error("stack, stacks and env need names of stacks, and the others need none")

    def work() -> None:
        extra = split_arguments(os.environ.get("ARGS", ""))
        stacks = [] if options.stack is None else [options.stack]
        if options.what in ("stack", "stacks"):
            check_stack_is_one(options.what, options.stack, extra)
        if options.what == "stacks":
            stacks = split_stacks(options.stack, extra)
        try:
            new = prepare(options.what, stacks)
        except OSError as error:
            raise ToolError(
                f"{error.filename} cannot be used ({error.strerror}): the checkout must be readable and writable."
            ) from error
        if options.what != "env":
            print(shlex.join(["set", "--", *extra]))
            if {"--yes", "-y"} & set(extra):
                new["YES"] = "1"
        for name, value in new.items():
            print(f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}")

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
