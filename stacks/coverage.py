"""`python -m stacks.coverage`: the documented name of `stacks.commands.coverage`."""

import sys

from stacks.commands.coverage.__main__ import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
