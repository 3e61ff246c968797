"""What the library `huggingface_hub` raises -> one line that says what to do; no token is ever part of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tagger.errors import InputError, reason

LOG_IN = "log in (`hf auth login`) or set HF_TOKEN"
UNREACHABLE = ("OfflineModeIsEnabled", "TransportError", "ConnectionError", "TimeoutException", "Timeout")
# Exceptions of the library, the most special ones first -> what is wrong and what to do. The library has them from
# httpx, and had them from requests; so they are known by name.
_SAID = {
    "GatedRepoError": f"is gated: ask for access on its page, then {LOG_IN}",
    "DisabledRepoError": "is disabled by the Hub; name another one",
    "RepositoryNotFoundError": f"is not on the Hub, or is private; check the name, and for a private one {LOG_IN}",
    "RevisionNotFoundError": "has no such revision; name a branch, a tag or a commit",
    "HFValidationError": "is no name that the Hub could have; write OWNER/NAME",
}


def is_unreachable(error: BaseException) -> bool:
    """Whether the Hub gave no answer: there is no network, or it is not to be used, or the Hub is down or busy."""
    status = status_of(error)
    return (status is not None and (status >= 500 or status == 429)) or bool(_kinds(error) & set(UNREACHABLE))


def status_of(error: BaseException) -> int | None:
    """The HTTP status of an answer of the Hub; None if there was none."""
    response: Any = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    return status if isinstance(status, int) else None


@contextmanager
def hub_errors(name: str, sends: bool = False) -> Iterator[None]:
    """Turns what the library raises into an InputError about a repository.

    Args:
        name: as the user has written it.
        sends: whether a tagger goes there. Where one is wanted from there, a folder would do as well.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # the library raises errors of its own, of its HTTP client and of the system
        raise InputError(f"{name} {_said(error, '' if sends else ', or name a folder')}") from None


def _said(error: Exception, instead: str) -> str:
    kinds = _kinds(error)
    for kind, text in _SAID.items():
        if kind in kinds:
            return text
    status = status_of(error)
    if status in (401, 403):
        return (
            f"is refused by the Hub ({status}): the token is not valid here, or may not do this; {LOG_IN} with another"
        )
    if "OfflineModeIsEnabled" in kinds:
        return f"cannot be reached: HF_HUB_OFFLINE is set; unset it{instead}"
    if is_unreachable(error):
        return f"cannot be reached ({reason(error)}); connect{instead}"
    return f"cannot be had ({reason(error)}); try again"


def _kinds(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}
