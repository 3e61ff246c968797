"""The lock of a run's folder: one process trains a run, and other processes can see that it does.

The system releases the lock when the process ends, however it ends. The empty file stays.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tagger.errors import InputError

LOCK = ".lock"  # in a run's folder
CLAIM_SECONDS = 0.5  # longer than `is_being_trained` holds the lock


@contextmanager
def claim_run(run: Path) -> Iterator[bool]:
    """Holds the lock of a run for the block; gives False on a file system without locks, where it does nothing."""
    lock = FileLock(run / LOCK)
    try:
        lock.acquire(timeout=CLAIM_SECONDS)
    except Timeout:
        raise InputError(f"{run} is being trained by another process; wait until that has ended") from None
    except (OSError, NotImplementedError):
        pass
    try:
        yield lock.is_locked
    finally:
        lock.release()


def is_being_trained(run: Path) -> bool:
    """Whether a process holds the lock of a run."""
    try:
        if (run / LOCK).is_file():
            with FileLock(run / LOCK).acquire(timeout=CLAIM_SECONDS / 2):  # others may ask
                return False
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return False
    return False
