"""`--shard i/n` -> the part of the files that one of n independent runs tags.

The name of an output below the folder of outputs decides which shard makes it. The other names do not matter, so a file
that is added between the starts of two shards moves no other file to another shard: none is left out, and none is
tagged twice. By position in the list, all files after the new one would move.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

from tagger.errors import InputError, shorten
from tagger.tagging.jobs import MANIFEST_NAME, Job, output_name
from tagger.text.files import STDIO
from tagger.text.remote_path import Place, is_same, place_of

_SHARD = re.compile("([0-9]{1,9})/([0-9]{1,9})")


class Shard(NamedTuple):
    """A part of the files, written `i/n`."""

    number: int  # i, from 1
    total: int  # n

    def __str__(self) -> str:
        """As users write it."""
        return f"{self.number}/{self.total}"

    @property
    def manifest_name(self) -> str:
        """The name of its own manifest: on NFS, two machines that append to one file overwrite each other's lines."""
        return f"{MANIFEST_NAME}.{self.number}-of-{self.total}"

    def owns(self, name: str) -> bool:
        """Whether this shard makes the output of this name, relative to the folder of outputs."""
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest) % self.total == self.number - 1


def parse_shard(text: str) -> Shard:
    """The shard that a user names.

    Raises:
        InputError: it is not `i/n` with i from 1 to n.
    """
    match = _SHARD.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(f"--shard {shorten(text)}: write i/n, i from 1 to n, such as 2/5 for the second of five parts")
    return Shard(int(match[1]), int(match[2]))


def jobs_of_shard(jobs: Sequence[Job], shard: Shard, sources: Sequence[str], to: Place | None) -> list[Job]:
    """The jobs of a shard.

    Args:
        jobs: all jobs of the run.
        shard: which of them are wanted.
        sources: the files and folders that the user named.
        to: the folder of outputs that the user named.

    Raises:
        InputError: the outputs do not go into a folder, or they would become inputs of shards that start later.
    """
    if any(job.source == STDIO for job in jobs):
        raise InputError(f"--shard {shard} divides files, and standard input is none; name files or folders")
    if to is None or any(job.target is None or job.target == to for job in jobs):
        raise InputError(f"--shard {shard} divides files whose outputs go into a folder; name one: -o FOLDER/")
    for source in sources:
        if is_same(to, place_of(source)):
            raise InputError(
                f"-o {to} has the files to tag: shards that start later would take the outputs of others for files to"
                " tag; choose another -o"
            )
    return [job for job in jobs if shard.owns(output_name(job, to))]
