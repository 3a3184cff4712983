"""`python -m stacks.pending`: the documented name of `stacks.commands.pending`."""

from stacks.commands.pending import main

if __name__ == "__main__":
    main()
