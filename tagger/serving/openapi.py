"""What `/docs` says of bodies and errors that routes read and write by themselves."""

from typing import Any

from pydantic import BaseModel

BODY_ERRORS = {
    400: "The request is bad; the message says what to change.",
    401: "The service needs its token, which the request lacks.",
    413: "The body is too large.",
    503: "The service is full or has not loaded its models; see Retry-After.",
}


class ErrorReply(BaseModel):
    """What an error says: one line, with the remedy."""

    error: str


def json_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route whose errors are JSON; all of `BODY_ERRORS` by default."""
    return {
        status: {"model": ErrorReply, "description": BODY_ERRORS[status]} for status in statuses or tuple(BODY_ERRORS)
    }


def text_errors() -> dict[int | str, dict[str, Any]]:
    """The errors of a route whose errors are a line of text."""
    return {
        status: {"description": meaning, "content": {"text/plain": {"schema": {"type": "string"}}}}
        for status, meaning in BODY_ERRORS.items()
    }


def json_body(model: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    """A body that is JSON."""
    return {"application/json": {"schema": model.model_json_schema(), "example": example}}


def body(content: dict[str, Any], parameters: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """A route that reads a body, and parameters of the query or the path."""
    described: dict[str, Any] = {"requestBody": {"required": True, "content": content}}
    return described | ({"parameters": parameters} if parameters else {})


def parameter(name: str, about: str, where: str = "query", required: bool = False) -> dict[str, Any]:
    """A parameter that is a string."""
    return {"name": name, "in": where, "required": required, "description": about, "schema": {"type": "string"}}
