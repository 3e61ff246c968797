from pathlib import Path

import pytest

from tagger.adapters.loaded import segmenter_of, shared_tagger
from tagger.adapters.tagger_files import TaggerFiles
from tagger.errors import InputError
from tests.conftest import TOKENS


def test_a_tagger_is_loaded_once_while_it_is_used(trained: Path, learned: Path) -> None:
    files = TaggerFiles.read(trained)
    one = shared_tagger(files)
    assert shared_tagger(TaggerFiles.read(trained)) is one
    assert shared_tagger(TaggerFiles.read(learned)) is not one
    assert one.tag(TOKENS[0]) == ["PRON", "VERB", "NOUN", "PUNCT"]


def test_errors_name_where_the_files_come_from(trained: Path) -> None:
    content = dict(TaggerFiles.read(trained).content)
    with pytest.raises(InputError, match=r"^the saved pipeline is not a whole tagger: vocabulary.json is missing"):
        shared_tagger(TaggerFiles({k: v for k, v in content.items() if k != "vocabulary.json"}, "the saved pipeline"))


def test_a_segmenter_needs_no_network(learned: Path, trained: Path) -> None:
    for folder, name in ((learned, "learned"), (trained, "english")):
        files = TaggerFiles.read(folder).cutter
        text = ["They don't book. The book reads du des."]
        segmenter = segmenter_of(files)
        assert segmenter.name == name
        assert segmenter.segment_all(text) == shared_tagger(TaggerFiles.read(folder)).segment_all(text)
