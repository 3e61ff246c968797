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
        (["distill.teacher=''"], r"^distill\.teacher=: expected"),
        (["distill.teacher=latest"], r"^distill\.teacher=latest would be another tagger when the run is resumed"),
        ([TEACHER, "distill.text=[]"], r"^distill\.text=\[\]: expected"),
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
