"""`python -m stacks.review`: the documented name of `stacks.commands.review`."""

import sys

from stacks.commands.review.__main__ import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
