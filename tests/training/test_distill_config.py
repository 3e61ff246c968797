"""The values of `distill`: what is refused, and with which words."""

from pathlib import Path

import pytest

from tagger.errors import InputError
from tests.training.conftest import config_of

TEACHER, TEXT = "distill.teacher=english", "distill.text=novels/*.txt"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([TEXT], r"^distill\.text: no teacher tags it; name one, distill\.teacher=FOLDER$"),
        (["distill.hub.name=OWNER/NAME"], r"^distill\.hub\.name: no teacher tags it"),
        ([TEACHER, TEXT, "distill.hub.name=OWNER/NAME"], r"^distill\.text and distill\.hub\.name: choose one"),
        (["distill.teacher=''"], r"^distill\.teacher=: expected"),
        (["distill.teacher=latest"], r"^distill\.teacher=latest would be another tagger when the run is resumed"),
        ([TEACHER, "distill.text=[]"], r"^distill\.text=\[\]: expected"),
        ([TEACHER, TEXT, "distill.ratio=0"], r"^distill\.ratio=0\.0: give a number above 0, or leave out the text$"),
        ([TEACHER, "distill.ratio=-1"], r"^distill\.ratio=-1: expected"),
        ([TEACHER, "distill.ratio=nan"], r"^distill\.ratio=nan: expected"),
        ([TEACHER, "model.decoder=crf"], r"^model\.decoder=crf: a student needs the decoder softmax; leave this out$"),
        ([TEACHER, "trainer.max_epochs=0", "init=english"], r"^trainer.max_epochs=0 trains no student; leave distill"),
        (
            [TEACHER, "noise=0.3", "columns=[upos,lemma]"],
            r"^noise=0\.3: a teacher's lemmas are made of the words as they",
        ),
    ],
)
def test_bad_values(overrides: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        config_of(Path("treebank"), *overrides)


def test_text_is_one_name_or_several() -> None:
    assert not config_of(Path("treebank"), TEACHER).distill.has_text
    for text in (TEXT, "distill.text=[a.txt,b]", "distill.hub.name=OWNER/NAME"):
        assert config_of(Path("treebank"), TEACHER, text).distill.has_text
