"""`make live`: walk one flow log through its life on a real account, beside the emulator.

It is created on the attachment that you name, updated, disabled, enabled, refreshed, imported and deleted by the
project's provider, and every answer is compared with what the emulator says to the same call. Differences are what this
is for: the exit code is 0 with them, too. It is 1 if the walk was refused or failed, or left something behind, and 2 if
something is not set. Whatever happens, what was made is deleted in the end.
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
from tests.live.journal import recorded
from tests.live.mirror import mirror
from tests.live.opt_in import OptIn, OptInError
from tests.live.place import Place, RefusedError, flow_logs_of, leftovers, look_up
from tests.live.screen import Screen, Stop
from tests.live.sides import Side, inputs_at
from tests.live.walk import STEP_SECONDS, Done, Walk, WalkError

SIGNALLED = 128  # plus the signal: the exit code of who was ended by one


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
            stream.reconfigure(errors="replace")  # a terminal that has no arrows is no reason to leave things behind
    try:
        return run(opt_in, screen, stop, only_clean=options.clean)
    except (RefusedError, WalkError, ApiError, EmulatorError) as error:
        return _failed(error, SIGNALLED + stop.number if stop.number else 1)


def run(opt_in: OptIn, screen: Screen, stop: Stop, *, only_clean: bool) -> int:
    """Walk, and clean up; the exit code.

    Raises:
        RefusedError: It cannot begin.
        WalkError: It could not go on; all was cleaned up.
        ApiError: The API could not be asked before it began.
        EmulatorError: The emulator cannot start.
    """
    client = opt_in.client()
    journal = recorded(client)
    asking = client.with_deadline(Deadline(STEP_SECONDS, stop.asked, screen.waits()))
    screen.say("look up what was named")
    project_id = asking.project_id()
    place = look_up(asking, opt_in)
    looked_up = Done(journal.since_last_time(), said=str(place))
    flow_logs = without_leftovers(asking, place, screen)
    if only_clean:
        screen.say("  nothing is left of earlier walks")
        return 0
    journal.since_last_time()
    live = Side(client, journal, inputs_at(place.target))
    with mirror(place, project_id=project_id, project=opt_in.project, flow_logs=flow_logs) as beside:
        emulator = Side(beside, recorded(beside), live.inputs)
        walk = Walk(live, emulator, screen, stop.asked)
        said = str(look_up(beside, opt_in))
        walk.compare(looked_up, Done(emulator.journal.since_last_time(), said), with_values=False)
        screen.say(f"the flow log will be called {live.inputs['name']}")
        try:
            walk.go()
        finally:
            is_clean = Cleaner(live, place, screen).clean()
            walk.summary()
    return 0 if is_clean else 1


def without_leftovers(client: Client, place: Place, screen: Screen) -> list[FlowLog]:
    """The flow logs that the attachment has when those of earlier walks are deleted.

    Raises:
        RefusedError: Somebody else's has the target.
        ApiError: The API could not be asked, or one could not be deleted.
    """
    flow_logs = flow_logs_of(client, place)
    old = leftovers(place, flow_logs)
    for one in old:
        try:
            delete(client, one)
        except ApiError as error:
            raise RefusedError(f"{error}; {by_hand(place, [one.id])}") from error
        screen.say(f"  deleted what an earlier walk has left behind: flow log {display_name(one.name)}, id {one.id}")
    return [one for one in flow_logs if one not in old]


def _failed(error: Exception, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
