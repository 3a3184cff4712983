"""`python -m stacks.pending`: the documented name of `stacks.state.recovery`."""

import sys

from stacks.state.recovery import main

COMMANDS = ("refuse", "refuse-live", "take-over")

if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in COMMANDS:
        print(f"usage: python -m stacks.pending {' | '.join(COMMANDS)} STACK", file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:])
