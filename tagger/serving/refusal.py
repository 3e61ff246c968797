"""Why a request gets no answer but an error."""

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
