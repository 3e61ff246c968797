"""What a service writes on standard error: lines of JSON, one for each request and one for each error."""

import json
import logging
import sys
from collections.abc import Mapping
from contextlib import suppress


def write_line(facts: Mapping[str, object]) -> None:
    """Writes a line of JSON. If nobody reads standard error any more, the service goes on."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(json.dumps(facts) + "\n")


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, object] = {"time": round(record.created, 3), "level": record.levelname.lower()}
        facts["message"] = record.getMessage().strip()
        if record.exc_info:
            facts["traceback"] = logging.Formatter().formatException(record.exc_info)
        write_line(facts)


def log_as_json() -> None:
    """Makes lines of JSON of the warnings and errors of this process."""
    logging.basicConfig(handlers=[_Handler()], level=logging.WARNING, force=True)
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # a bad form is the client's error
