"""What the folder of a run's logs says of them."""

from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.training.log_state import read_state


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"wandb": {"epochs": "1", "id": null}}', '{"x": {"epochs": 1, "id": "../x"}}']
)
def test_a_damaged_state_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(InputError, match=r"state.json is damaged \(.*\); remove it, and new logs are begun"):
        read_state(tmp_path)
