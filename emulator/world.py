"""`python -m emulator.world`: the command of `emulator.admin`, under its documented name."""

import sys

from emulator.admin import main

if __name__ == "__main__":
    sys.exit(main())
