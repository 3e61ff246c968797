"""The processes that a run starts: one for each further device (DDP), and one for each member of an ensemble."""

import os
import threading
import time

POLL_SECONDS = 1.0
ORPHANED = 1  # exit status
MEMBER = "TAGGER_ENSEMBLE_MEMBER"  # a variable of the environment of processes that train a member of an ensemble


def is_helper() -> bool:
    """Whether another process of the same run is the first one."""
    return os.environ.get("LOCAL_RANK", "0") != "0"


def is_member() -> bool:
    """Whether another process of the same run waits for this one, which trains a member of its ensemble."""
    return MEMBER in os.environ


def end_with_parent() -> None:
    """From now on this process ends when the process that started it has ended, even if it was killed.

    Without this a helper would wait for the first process for half an hour. It may end anywhere: a helper writes no
    files, and a member writes whole ones.
    """
    threading.Thread(target=_wait_for_end_of, args=(os.getppid(),), daemon=True).start()


def _wait_for_end_of(parent: int) -> None:
    while os.getppid() == parent:  # an orphan gets another parent; on Windows it keeps the number
        time.sleep(POLL_SECONDS)
    os._exit(ORPHANED)
