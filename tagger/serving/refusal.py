"""Why a request gets no answer but an error, and how it is told."""

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

MODELS = "/models/"  # paths below it have JSON, as those of /v1/ have
CLIENT_GONE = 499  # a status for the log and the metrics alone: nobody is there to read it


class Refusal(Exception):
    """Ends a request with an HTTP status and a message in plain text, one line that names the remedy.

    Attributes:
        status: 400, 401, 404, 408, 413, 415, 499, 500, 503 or 507.
        message: for the client.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message

    @property
    def headers(self) -> dict[str, str]:
        """The headers that belong to the status."""
        if self.status == 401:
            return {"www-authenticate": "Bearer"}
        return {"retry-after": "1"} if self.status == 503 else {}


def error_response(refusal: Refusal, path: str) -> Response:
    """What a client gets: JSON where the protocol has JSON, else a line of text."""
    if path.startswith(("/v1/", MODELS)):
        body, kind = orjson.dumps({"error": refusal.message}), "application/json"
    else:
        body, kind = f"{refusal.message}\n".encode(), "text/plain; charset=utf-8"
    return Response(body, refusal.status, refusal.headers, kind)


async def refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers before the body is read. The server drops the body, so that the client can read the answer."""
    response = error_response(refusal, scope["path"])
    if any(name == b"expect" for name, _ in scope["headers"]):  # nobody knows whether the body comes
        response.headers["connection"] = "close"
    await response(scope, receive, send)
