from pathlib import Path

import pytest
import srsly

from tagger.adapters.spacy_parts import PipelinePart
from tagger.adapters.tagger_files import TaggerFiles
from tagger.errors import InputError


class Part(PipelinePart):
    renewed = 0

    def renew(self) -> None:
        self.renewed += 1


def test_a_part_is_found_by_its_name_and_replaced_by_what_was_saved(
    trained: Path, learned: Path, tmp_path: Path
) -> None:
    part = Part(str(trained))
    data = part.to_bytes()
    other = Part("no such tagger").from_bytes(data)
    assert other.renewed == 1
    assert other.files.content == part.files.content
    other.from_disk(learned)
    assert other.renewed == 2
    other.to_disk(tmp_path / "saved", exclude=["vocab"])
    assert {path.name for path in (tmp_path / "saved").iterdir()} == {path.name for path in learned.iterdir()}
    assert Part("").from_disk(learned).files is other.files
    with pytest.raises(InputError, match="no such tagger; name english, latest, hf:OWNER/NAME, or a folder"):
        Part("no such tagger").to_bytes()


def test_a_pretrained_network_has_no_tags(trained: Path, tmp_path: Path) -> None:
    TaggerFiles.read(trained).write(tmp_path)
    (tmp_path / "words.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match="predicts words and has no tags; name a tagger"):
        Part(str(tmp_path)).to_bytes()


def test_bytes_that_are_no_tagger() -> None:
    for data in (b"", b"\xc1", b"text", srsly.msgpack_dumps([1])):
        with pytest.raises(InputError, match="no saved tagger"):
            Part("").from_bytes(data)
    with pytest.raises(InputError, match=r"'\.\./x' is no file of a tagger"):
        Part("").from_bytes(srsly.msgpack_dumps({"../x": b""}))
