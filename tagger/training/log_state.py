"""The folder of a run's logs -> what an earlier part of the run has logged, and under which numbers."""

import json
import re
from pathlib import Path
from typing import Any

from tagger.errors import InputError, reason

STATE = "state.json"  # in the folder of logs


def read_state(folder: Path) -> dict[str, dict[str, Any]]:
    """What an earlier part of a run has logged: for each logger `epochs`, their number, and `id`, that of the run.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / STATE
    if not path.is_file():
        return {}
    try:
        state: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        for each in state.values():
            name = each["id"]
            if type(each["epochs"]) is not int or not (name is None or re.fullmatch(r"[\w-]{1,64}", name)):
                raise ValueError("no such numbers")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged ({reason(error)}); remove it, and new logs are begun") from None
    return state
