"""`make live`: walk one flow log through its life on a real account, beside the emulator.

The project's provider creates it on the attachment that you name, then updates, disables, enables, refreshes, imports
and deletes it. Every answer is compared with the emulator's answer to the same call. Differences are the result: the
exit code is 0 with them, too. It is 1 if the walk was refused or failed, or has left something behind, and 2 if a
variable is missing. Whatever happens, all that was created is deleted in the end.
"""

from __future__ import annotations

import argparse
import io
import os
import sys

from emulator import EmulatorError
from providers.er import Client, Deadline
from providers.er.exceptions import ApiError
from providers.er.flow_logs import FlowLog
from providers.er.sanitizing import display_name
from tests.live.cleaning import Cleaner, by_hand, delete
from tests.live.journal import record
from tests.live.mirror import mirror
from tests.live.opt_in import OptIn, OptInError
from tests.live.place import Place, RefusedError, find_leftovers, flow_logs_of, look_up
from tests.live.screen import Screen, Stop
from tests.live.sides import Side, inputs_at
from tests.live.walk import STEP_SECONDS, Result, Walk, WalkError

SIGNALLED = 128  # plus the signal: the exit code of a process that a signal has ended


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.live", description=__doc__)
    parser.add_argument("--clean", action="store_true", help="only delete what an earlier walk has left behind")
    options = parser.parse_args(arguments)
    stop = Stop()
    screen = Screen(stop)
    try:
        opt_in = OptIn.read(os.environ)
    except OptInError as error:
        return _failed(error, 2)
    stop.listen()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # not every terminal can show arrows
    try:
        return run(opt_in, screen, stop, only_clean=options.clean)
    except (RefusedError, WalkError, ApiError, EmulatorError) as error:
        return _failed(error, SIGNALLED + stop.number if stop.number else 1)


def run(opt_in: OptIn, screen: Screen, stop: Stop, *, only_clean: bool) -> int:
    """Walk, and clean up; the exit code.

    Raises:
        RefusedError: The walk cannot begin.
        WalkError: A step failed; all was cleaned up.
        ApiError: A request failed before the walk.
        EmulatorError: The emulator cannot start.
    """
    client = opt_in.client
    journal = record(client)
    limited = client.with_deadline(Deadline(STEP_SECONDS, stop.requested, screen.report_waits()))
    screen.show("look up what was named")
    project_id = limited.project_id()
    place = look_up(limited, opt_in)
    looked_up = Result(journal.take_new(), str(place))
    flow_logs = without_leftovers(limited, place, screen)
    if only_clean:
        screen.show("  nothing is left of earlier walks")
        return 0
    journal.take_new()
    live = Side(client, journal, inputs_at(place.target))
    with mirror(place, project_id=project_id, project=opt_in.project, flow_logs=flow_logs) as mirrored:
        emulator = Side(mirrored, record(mirrored), live.inputs)
        walk = Walk(live, emulator, screen, stop.requested)
        found = str(look_up(mirrored, opt_in))
        walk.compare(looked_up, Result(emulator.journal.take_new(), found), with_values=False)
        screen.show(f"the flow log will be called {live.inputs['name']}")
        try:
            walk.go()
        finally:
            is_clean = Cleaner(live, place, screen).clean()
            walk.summary()
    return 0 if is_clean else 1


def without_leftovers(client: Client, place: Place, screen: Screen) -> list[FlowLog]:
    """The flow logs of the attachment, after those of earlier walks were deleted.

    Raises:
        RefusedError: A flow log with the target is somebody else's, or could not be deleted.
        ApiError: A request failed.
    """
    flow_logs = flow_logs_of(client, place)
    old = find_leftovers(place, flow_logs)
    for flow_log in old:
        try:
            delete(client, flow_log)
        except ApiError as error:
            raise RefusedError(f"{error}; {by_hand(place, [flow_log.id])}") from error
        name = display_name(flow_log.name)
        screen.show(f"  deleted what an earlier walk has left behind: flow log {name}, id {flow_log.id}")
    return [flow_log for flow_log in flow_logs if flow_log not in old]


def _failed(error: Exception, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
