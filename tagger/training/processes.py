"""Processes beside the first one: those of a sweep's runs."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

POLL_SECONDS = 1.0
ORPHANED = 1  # exit status


def end_with_parent() -> None:
    """From now on this process ends when the process that started it has ended, even if it was killed.

    It may end anywhere: a run writes whole files.
    """
    threading.Thread(target=_wait_for_end_of, args=(os.getppid(),), daemon=True).start()


def _wait_for_end_of(parent: int) -> None:
    while os.getppid() == parent:  # an orphan gets another parent; on Windows it keeps the number
        time.sleep(POLL_SECONDS)
    os._exit(ORPHANED)


@contextmanager
def signals_as_interrupt() -> Iterator[None]:
    """Within the block SIGTERM is a KeyboardInterrupt, so that no process is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
