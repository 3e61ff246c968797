"""What the options `--engine` and `--address` mean for the command `tag`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tagger.errors import InputError
from tagger.text.files import STDIO
from tagger.text.remote_path import place_of

if TYPE_CHECKING:
    from tagger.tagging.jobs import Job

RAY = "ray"
EngineOption = Annotated[
    Literal["local", "ray"],
    typer.Option(
        metavar="ENGINE",
        help="local, ray: what runs the workers: this machine, or Ray, on a cluster (--address) or here.",
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="With --engine ray, the cluster: auto, HOST:6379 or ray://HOST:10001. Default: the variable RAY_ADDRESS,"
        " else a Ray of this machine that ends with the run.",
    ),
]


def check_engine(engine: str, address: str | None, others: Mapping[str, bool]) -> None:
    """Checks the two options beside others.

    Args:
        engine: the value of `--engine`.
        address: the value of `--address`.
        others: the options that Ray has no use for, and whether they are given.

    Raises:
        InputError: an address without Ray, or Ray with one of the others.
    """
    if engine != RAY:
        if address is not None:
            raise InputError(f"--address {address} is that of a Ray cluster; add --engine ray, or leave it out")
        return
    for option, given in others.items():
        if given:
            raise InputError(f"{option} does not go with --engine ray; leave one of the two out")


def check_files(jobs: Sequence["Job"]) -> None:
    """Checks that other processes can open all inputs and outputs.

    Raises:
        InputError: one is standard input or output, a pipe or a device.
    """
    for job in jobs:
        if job.source == STDIO:
            raise InputError("--engine ray tags files, and standard input is none; name files or folders")
        if job.target is None:
            raise InputError("--engine ray writes files, and standard output is none; name a folder: -o FOLDER/")
        for path in (place_of(job.source), job.target):
            if isinstance(path, Path) and path.exists() and not path.is_file():
                raise InputError(f"{path} is no regular file, so processes of Ray cannot open it; copy it into a file")
