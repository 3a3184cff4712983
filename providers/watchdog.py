"""A process that exits with its parent process."""

from __future__ import annotations

import os
import threading
import time

CHECK_INTERVAL = 0.2  # seconds


def exit_with_parent(parent: int) -> None:
    """From now on, end this process as soon as its parent is not the process with this id.

    - A killed engine leaves its plugins running. An operation that continues in one of them could undo the next run.
    - After a resource has failed, the engine ends the language host but not the program. The program waits for answers
      that never come, and the engine waits 5 seconds for the program, which still has the host's output open.
    """
    threading.Thread(target=_watch, args=(parent,), name="watchdog", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(CHECK_INTERVAL)
    os._exit(1)
