"""The command `serve`: requests of clients and a web page in, tagged text out."""

import os
import re
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from math import isfinite
from typing import Annotated

import typer

from tagger.commands.console import say
from tagger.commands.options import DeviceOption, PrecisionOption
from tagger.errors import InputError, missing_extra, shorten
from tagger.text.files import read_lines

TOKEN = "TAGGER_TOKEN"  # the environment variable
LOCAL = {"127.0.0.1", "::1", "localhost"}


def serve(
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]MODEL",
            help="May be repeated; the first is the default. Default: the tagger of each text's language.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="To listen on. 0.0.0.0: whoever reaches this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="0: any that is free.")] = 8000,
    max_bytes: Annotated[int, typer.Option(min=1, metavar="N", help="Of the body of a request.")] = 100_000_000,
    max_requests: Annotated[
        int, typer.Option(min=1, metavar="N", help="Answered at a time, those that wait included; more get 503.")
    ] = 256,
    token_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help=f"The bearer token that requests need. Default: {TOKEN}, if it is set."),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Whose pages may call the service (CORS), or *. May be repeated."),
    ] = None,
    drain: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="After SIGTERM, how long connections are still accepted.")
    ] = 1.0,
    grace: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="How long requests in flight may take after that.")
    ] = 60.0,
    log: Annotated[bool, typer.Option("--log/--no-log", help="A line of JSON a request, without its text.")] = True,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Tags what clients send, and has a web page.

    The page is at the service's address, the description of its protocols at /docs. Clients of UDPipe (/process),
    CoreNLP (/) and Hugging Face's token classification (/) work with it.
    """
    for package in ("fastapi", "fastapi_offline", "prometheus_client", "python_multipart", "uvicorn", "httptools"):
        if find_spec(package) is None:
            raise missing_extra(package, "serve")

    for option, seconds in (("--drain", drain), ("--grace", grace)):
        if not isfinite(seconds):
            raise InputError(f"{option} {seconds}: name a number of seconds, such as {option} 60")

    from tagger.serving.gate import Settings
    from tagger.serving.models import EVERY, named_folders
    from tagger.serving.server import bound_socket, run
    from tagger.tagging.languages import LanguageTagger
    from tagger.tagging.load import load
    from tagger.tagging.tagger import Tagger

    token = _token(token_file)
    origins = [_checked_origin(each) for each in origin or []]
    folders = named_folders(model or [])
    listening = bound_socket(host, port)
    address, number = listening.getsockname()[:2]
    say(f"serving on http://{f'[{address}]' if ':' in address else address}:{number} (Ctrl+C ends)")
    if host not in LOCAL and token is None:
        say(f"whoever reaches {address} can use it; set {TOKEN} or --token-file to ask for a token")
    loaders: dict[str, Callable[[], Tagger | LanguageTagger]] = {
        name: partial(load, folder, device, precision) for name, folder in folders.items()
    }
    if not loaders:
        loaders[EVERY] = partial(LanguageTagger, device, precision)
    run(loaders, listening, Settings(max_bytes, max_requests, token, log, origins, drain, grace))


def _token(file: str | None) -> str | None:
    """The token that requests need; None: they need none."""
    if file is None:
        if TOKEN not in os.environ:
            return None
        where, token = TOKEN, os.environ[TOKEN]
    else:
        where, token = f"--token-file {file}", "".join(read_lines(file)).strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(f"{where}: it has no token, one line of visible ASCII characters; write one there")
    return token


def _checked_origin(origin: str) -> str:
    """The address of pages as browsers name it: without a path, and without a slash at its end."""
    checked = origin.rstrip("/").lower()
    if checked != "*" and not re.fullmatch(r"https?://[^/?#\s]+", checked):
        raise InputError(f"--origin {shorten(origin)}: write it as browsers do: https://example.org, or *")
    return checked
