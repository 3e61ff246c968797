"""The bytes of a connection -> requests. A connection that holds the service up is ended.

Three things may hold it up: headers that do not come, headers without end, and a client that does not read its answer.
Slow bodies are ended in `gate.py`.
"""

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 20.0  # that the headers of a request may take
MAX_HEADERS = 256 * 1024  # bytes, the query included
READ_SECONDS = 60.0  # that a client may take until it reads the next part of an answer
LAST_SECONDS = 1.0  # that a connection may take to send its request when the service ends
_OF_UPGRADE = {b"upgrade", b"connection", b"http2-settings"}


class Connection(HttpToolsProtocol):
    """uvicorn's, with limits, and without upgrades: a request for HTTP/2 or a WebSocket is answered in HTTP/1.1."""

    _timer: Any = None  # it runs while headers are waited for
    _heard = False  # whether the last data had the end of headers, or a part of a body
    _unheard = 0  # bytes since then
    _upgrades = False  # whether the request asks for another protocol
    _unread = 0  # bytes of answers that the client has not read
    _has_read = False
    _read_at = 0.0  # when it last read any

    def connection_made(self, transport: Any) -> None:
        """Begins to wait for headers."""
        super().connection_made(transport)
        self._read_at = self.loop.time()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the wait for headers."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads a part of a request; the next one of a connection has its own time."""
        self._unset_keepalive_if_required()
        idle = self.cycle is None or self.cycle.response_complete
        if self._timer is None and idle:
            self._wait()
        self._heard = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            head = self._head_without_upgrade()
            self.parser = httptools.HttpRequestParser(self)
            self.data_received(head + rest)
        except httptools.HttpParserError:
            self.logger.warning("invalid HTTP of %s", self.client[0] if self.client else None)
            self.send_400_response("Invalid HTTP request received.")
        else:
            self._unheard = 0 if self._heard else self._unheard + len(data)
            if self._unheard > MAX_HEADERS:
                if idle:
                    self.send_400_response(f"The headers have more than {MAX_HEADERS:,} bytes.")
                else:
                    self.transport.close()

    def on_headers_complete(self) -> None:
        """Ends the wait for headers."""
        self._stop_waiting()
        self._heard = True
        self._upgrades = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if not self._upgrades:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Takes a part of a body."""
        self._heard = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Ends the body."""
        if not self._upgrades:
            super().on_message_complete()

    def resume_writing(self) -> None:
        """The client reads on."""
        self._has_read = True
        super().resume_writing()

    def check(self) -> None:
        """Ends the connection if its client does not read; to be called every few seconds."""
        unread, now = self.transport.get_write_buffer_size(), self.loop.time()
        if self._has_read or not unread or unread < self._unread:
            self._read_at = now
        self._unread, self._has_read = unread, False
        if now - self._read_at > READ_SECONDS:
            self.transport.abort()

    def shutdown(self) -> None:
        """Ends the connection after its request. If it has none, one may be on its way, and is waited for a moment."""
        if self.cycle is None or self.cycle.response_complete or self._timer is not None:
            self.loop.call_later(LAST_SECONDS, super().shutdown)
        else:
            super().shutdown()

    def _head_without_upgrade(self) -> bytes:
        """The head of a request that asks for another protocol, without this wish."""
        lines = [b"%s %s HTTP/1.1" % (self.parser.get_method(), self.url)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] not in _OF_UPGRADE]
        return b"\r\n".join([*lines, b"", b""])

    def _wait(self) -> None:
        self._timer = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
