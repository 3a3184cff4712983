"""`python -m stacks.pending`: the documented name of `stacks.state.recovery`."""

import argparse

from stacks.state import recovery

if __name__ == "__main__":
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m stacks.pending", description=recovery.__doc__, formatter_class=form
    )
    parser.add_argument("command", choices=("refuse", "refuse-live", "take-over"))
    parser.add_argument("stack", metavar="STACK")
    options = parser.parse_args()
    recovery.main(options.command, options.stack)
