"""`python -m stacks.delivery`: the documented name of `stacks.commands.delivery`."""

import sys

from stacks.commands.delivery.__main__ import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
