"""Tagging in threads: one thread of the process computes at a time, on one processor core."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_turn = threading.RLock()


@contextmanager
def own_turn() -> Iterator[None]:
    """Within the block only this thread tags, without gradients, and torch uses one thread.

    Threads of a process take turns, also those of different taggers: torch's number of threads is a setting of the
    whole process, and the steps of a recurrent layer are so small that more threads slow them down. The previous
    setting is restored. To use more cores, load a tagger with `workers`.
    """
    with _turn, torch.inference_mode():
        threads = torch.get_num_threads()
        if threads != 1:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            if threads != 1:
                torch.set_num_threads(threads)


if hasattr(os, "register_at_fork"):  # not on Windows
    # A process is forked only while no thread computes, so that its copy of the tagger is consistent.
    os.register_at_fork(before=_turn.acquire, after_in_parent=_turn.release, after_in_child=_turn.release)
