"""What cuts text for a tagger that is loaded: its own segmenter, or rules."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import tagger
from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.segmenter.learned import LearnedSegmenter
from tagger.segmenter.unit_network import Label
from tagger.text.segment import SEGMENTER, segment
from tests.conftest import bundle_of, make_network, make_segmenter, save_tiny

TEXT = "They don't book des flights. Du 3,14 reads"


@pytest.mark.parametrize(
    ("folder", "choice", "name"),
    [
        ("learned", "auto", "learned"),
        ("learned", "english", "english"),
        ("trained", "auto", "english"),
        ("trained", "unicode", "unicode"),
    ],
)
def test_what_cuts_text(request: pytest.FixtureRequest, folder: str, choice: str, name: str) -> None:
    loaded = tagger.load(request.getfixturevalue(folder), "cpu", segmenter=choice)
    assert loaded.segmenter is not None
    assert loaded.segmenter.name == name
    assert loaded.takes_text
    assert repr(loaded) == f"Tagger({loaded.name!r}, columns=['upos', 'xpos'], device='cpu')"
    assert loaded.name == str(request.getfixturevalue(folder))
    own = LearnedSegmenter(*make_segmenter())
    expected = own.segment_all([TEXT])[0] if name == "learned" else segment(TEXT, name)
    assert loaded.segment(TEXT) == expected
    assert loaded.segment_all([TEXT, "", TEXT]) == [expected, [], expected]
    sentences = loaded.annotate(TEXT)
    assert [len(s) for s in sentences] == [sum(max(1, len(t.words)) for t in tokens) for tokens in expected]
    for s in sentences:
        assert s.offsets is not None
        words = {place for m in s.multiwords for place in range(m.start, m.stop)}
        for i, (form, (start, end)) in enumerate(zip(s.tokens, s.offsets, strict=True)):
            assert i in words or form == TEXT[start:end]


def test_words_with_spaces_take_a_learned_segmenter(tmp_path: Path) -> None:
    spaced: dict[str, Any] = {"tokens": ["a", "b c", "New York"], "upos": ["X", "Y", "Z"]}
    vocabulary = Vocabulary.build([spaced], ["upos"], min_count=1)
    folder = save_tiny(tmp_path / "rules", make_network(vocabulary), vocabulary)
    with pytest.raises(InputError, match=r"spaces inside.*trainer.max_epochs=0"):
        tagger.load(folder, "cpu").annotate("New York b c")
    parts = make_segmenter()
    with torch.no_grad():
        parts.network.labels.bias[Label.GOES_ON] += 5
        parts.network.labels.bias[Label.WORD] -= 50
        parts.network.scripts.bias[0] += 50
    bundle_of(make_network(vocabulary), vocabulary, segmenter=parts).save(tmp_path / "own", "")
    own = tagger.load(tmp_path / "own", "cpu")
    assert own.takes_text
    words = [form for s in own.annotate("They book\nflights. The  dog, does it?\n Yes! " * 9) for form in s.tokens]
    assert any(" " in form for form in words)
    assert not any("\n" in form or "  " in form for form in words)


def test_the_corpus_that_text_is_like(vocabulary: Vocabulary, trained: Path, tmp_path: Path) -> None:
    several = replace(vocabulary, corpora=["UD_A", "UD_B"])
    network = make_network(several, seed=3)
    assert network.corpora is not None
    with torch.no_grad():
        network.corpora.weight[1:] = 5 * torch.randn(2, network.embedding.width)
    folder = save_tiny(tmp_path / "several", network, several)
    tagged = {
        name: tagger.load(folder, "cpu", corpus=name).tag(["They", "book"] * 10) for name in (None, "UD_A", "UD_B")
    }
    assert len({tuple(tags) for tags in tagged.values()}) == 3
    assert tagger.load(folder, "cpu").options.corpus is None
    for name, known, message in (
        ("UD_C", folder, "this tagger knows no corpus 'UD_C'; choose one of UD_A, UD_B"),
        ("UD_A", trained, "this tagger knows no corpus 'UD_A'; it was trained on a single corpus; leave this out"),
    ):
        with pytest.raises(InputError) as caught:
            tagger.load(known, "cpu", corpus=name)
        assert str(caught.value) == message


def test_lexicons_of_columns(trained: Path, tmp_path: Path) -> None:
    words = tmp_path / "words.tsv"
    words.write_text("They\tNOUN\n")
    for name in ("", "upos"):
        found = tagger.load(trained, "cpu", lexicons={name: words})
        assert found.tag(["They"]) == found.annotate(["They"]).tags["upos"] == ["NOUN"]
    with pytest.raises(InputError, match="another lexicon"):
        tagger.load(trained, "cpu", lexicons={"": words, "upos": words})


def test_a_segmenter_that_is_missing_or_damaged_is_one_line(
    trained: Path, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"^{trained} has no learned segmenter: .*init={trained} trainer.max_epochs=0"):
        tagger.load(trained, "cpu", segmenter="learned")
    with pytest.raises(InputError, match="'german' is no segmenter; choose one of auto, learned, english, unicode"):
        tagger.load(trained, "cpu", segmenter="german")
    bundle_of(make_network(vocabulary), vocabulary, segmenter=make_segmenter()).save(tmp_path / "a", "")
    (tmp_path / "a" / SEGMENTER).unlink()
    for choice in ("auto", "unicode"):
        with pytest.raises(InputError, match=r"segmenter\.json\.gz is missing"):
            tagger.load(tmp_path / "a", "cpu", segmenter=choice)
