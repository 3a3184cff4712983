"""`python -m stacks.pending`: the documented name of `stacks.state.recovery`."""

import sys

from stacks.state.recovery import main

if __name__ == "__main__":
    main(*sys.argv[1:])
