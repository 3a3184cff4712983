"""A process that ends with the one that started it."""

from __future__ import annotations

import os
import threading
import time

CHECK_INTERVAL = 0.2  # seconds


def exit_with_parent(parent: int) -> None:
    """End this process, from now on, when the process of this id is not its parent any more.

    - A killed engine leaves its plugins running, and an operation that goes on unseen would undo what the next run
      does.
    - After a resource has failed, the engine ends the language host but not the program, which waits for answers that
      never come; and as it has the language host's output open, the engine waits for it: 5 seconds without a word.
    """
    threading.Thread(target=_watch, args=(parent,), name="parent-watch", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(CHECK_INTERVAL)
    os._exit(1)
