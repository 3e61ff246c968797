"""The command `serve`: requests of clients and a web page in, tagged text out."""

import os
import re
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Annotated

import typer

from tagger.commands.console import say
from tagger.commands.options import DeviceOption, MemoryOption, PrecisionOption, of_megabytes
from tagger.errors import InputError, missing_extra, shorten
from tagger.text.files import read_lines

TOKEN = "TAGGER_TOKEN"  # the environment variable


def serve(
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME=]MODEL", help="May be repeated; the first is the default. Default: all languages."),
    ] = None,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="0.0.0.0: whoever reaches this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="0: any that is free.")] = 8000,
    max_bytes: Annotated[int, typer.Option(min=1, metavar="N", help="Of the body of a request.")] = 100_000_000,
    max_requests: Annotated[int, typer.Option(min=1, metavar="N", help="In flight; more get status 503.")] = 256,
    token_file: Annotated[
        str | None, typer.Option(metavar="FILE", help=f"The bearer token that requests need. Default: {TOKEN}.")
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Whose pages may call it (CORS), or *. May be repeated.")
    ] = None,
    grace: Annotated[int, typer.Option(min=1, metavar="SECONDS", help="After SIGTERM, for requests in flight.")] = 60,
    log: Annotated[bool, typer.Option("--log/--no-log", help="A line of JSON a request, without its text.")] = True,
    memory: MemoryOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Tags what clients send, and has a web page.

    The page is at the service's address, the description of its paths at /docs. Clients of UDPipe work with /process.
    """
    for package in ("fastapi", "fastapi_offline", "python_multipart", "uvicorn", "httptools"):
        if find_spec(package) is None:
            raise missing_extra(package, "serve")

    from tagger.extras.serving import server
    from tagger.extras.serving.gate import Settings
    from tagger.extras.serving.service import ALL_LANGUAGES, all_languages, named_folders
    from tagger.tagging.languages import Languages, load
    from tagger.tagging.tagger import Tagger

    token = _token(token_file)
    origins = [each.rstrip("/").lower() for each in origin or []]
    for each in origins:
        if each != "*" and not re.fullmatch(r"https?://[^/?#\s]+", each):
            raise InputError(f"--origin {shorten(each)}: write it as browsers do: https://example.org, or *")
    loaders: dict[str, Callable[[], Tagger | Languages]] = {
        name: partial(load, folder, device, precision) for name, folder in named_folders(model or []).items()
    }
    listening = server.bound_socket(host, port)
    service = server.load(loaders or {ALL_LANGUAGES: partial(all_languages, device, precision, of_megabytes(memory))})
    address, number = listening.getsockname()[:2]
    say(f"serving on http://{f'[{address}]' if ':' in address else address}:{number} (Ctrl+C ends)")
    if host not in ("127.0.0.1", "::1", "localhost") and token is None:
        say(f"whoever reaches {address} can use it; set {TOKEN} or --token-file to ask for a token")
    server.run(service, listening, Settings(max_bytes, max_requests, token, log, origins, grace))


def _token(file: str | None) -> str | None:
    """The token that requests need; None: they need none."""
    token = os.environ.get(TOKEN) if file is None else "".join(read_lines(file)).strip()
    if token is None:
        return None
    where = TOKEN if file is None else f"--token-file {file}"
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(f"{where}: it has no token, one line of visible ASCII characters; write one there")
    return token
