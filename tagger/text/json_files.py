"""JSON that may come from somebody else, plain or compressed -> checked values; a mistake is one line."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

from tagger.errors import InputError, reason

MAX_VOCABULARY_BYTES = 500_000_000
MAX_SIZE = 10_000_000  # size of an embedding, rows of a hash table, any whole number in a transformer's settings
MAX_NAME = 10_000  # characters of a name that is shown
MAX_NESTING = 50  # levels of lists and objects in a JSON file
PACKED_JSON = ".gz"  # after the name of a compressed file


def json_file(path: Path) -> Path:
    """The file at a path, or the compressed one in its place, if there is only that."""
    packed = path.with_name(path.name + PACKED_JSON)
    return packed if packed.is_file() and not path.is_file() else path


def write_packed_json(path: Path, value: Any) -> None:
    """Writes a compressed file; the same value gives the same bytes."""
    content = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    path.with_name(path.name + PACKED_JSON).write_bytes(gzip.compress(content, mtime=0))


def read_json(path: Path, max_bytes: int) -> dict[str, Any]:
    """Reads the JSON object of `json_file(path)`, which may have so many bytes when it is plain."""
    path = json_file(path)
    try:
        if path.stat().st_size > max_bytes:
            raise _too_large(path, max_bytes)
        content = path.read_bytes()
        if path.suffix == PACKED_JSON:
            unpacking = zlib.decompressobj(wbits=31)
            content = unpacking.decompress(content, max_bytes)
            if not unpacking.eof:
                raise _too_large(path, max_bytes) if len(content) >= max_bytes else ValueError("it is cut short")
        value = json.loads(content.decode("utf-8"))
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check the file and its permissions") from None
    except RecursionError:
        raise _too_deep(path) from None
    except (ValueError, zlib.error) as error:  # not UTF-8, not JSON, or a number with thousands of digits
        raise InputError(f"{path} is damaged ({reason(error)}); copy the folder again") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} is damaged (it holds no JSON object); copy the folder again")
    if _deeper(value, MAX_NESTING):
        raise _too_deep(path)
    return value


def _too_large(path: Path, max_bytes: int) -> InputError:
    return InputError(f"{path} has more than {max_bytes / 1e6:g} MB; copy the folder again")


def _too_deep(path: Path) -> InputError:
    return InputError(f"{path} is damaged (nested more than {MAX_NESTING} deep); copy the folder again")


def _deeper(value: Any, limit: int) -> bool:
    """Whether lists and objects are nested more than `limit` deep."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return False
    return limit == 0 or any(
        _deeper(item, limit - 1) for item in [each for each in value if type(each) in (dict, list)]
    )


def shown(value: Any) -> str:
    """A value of JSON for a message, cut if it is long; ASCII."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:30]}…{text[-30:]}"
