"""`python -m stacks.pending`: the name under which `make recover` and pipelines call `stacks.state.recovery`."""

import sys

from stacks.state.recovery import main

if __name__ == "__main__":
    main(*sys.argv[1:])
