"""`python -m stacks.records`: the documented name of `stacks.commands.records`."""

import sys

from stacks.commands.records import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
