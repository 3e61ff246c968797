import numpy as np

from tagger.evaluation.compare import WordTable
from tagger.text.sentence import Sentence

SENTENCES = [
    Sentence(
        ["the", "run", "_"], {"upos": ["DET", "NOUN", "_"], "feats": ["_", "Number=Sing", "_"], "xpos": ["_"] * 3}
    ),
    Sentence([]),
    Sentence(["run", "the"], {"upos": ["VERB", "DET"], "feats": ["_", "_"]}),
]


def test_words_and_gold_tags() -> None:
    table = WordTable(SENTENCES, ["upos", "xpos", "feats"])
    assert table.columns == ["upos", "feats"]  # xpos has blanks alone
    assert (len(table), table.starts.tolist()) == (2, [0, 3, 5])
    assert list(table.tokens()) == [["the", "run", "_"], ["run", "the"]]
    assert [sentence.tags for sentence in table.sentences()] == [{}, {}]
    assert table.scored("upos").tolist() == [True, True, False, True, True]
    assert [table.tag_names("upos")[i] for i in table.gold("upos")] == ["DET", "NOUN", "VERB", "DET"]
    assert table.scored("feats").all()  # `_` means no features
    assert table.ambiguous("upos") == {"run"}
    assert table.ambiguous("feats") == {"run"}


def test_predicted_tags_share_the_numbers_of_gold_tags() -> None:
    table = WordTable(SENTENCES, ["upos", "xpos", "feats"])
    said = [
        Sentence(["the", "run", "_"], {"upos": ["DET", "VERB", "X"]}),
        Sentence(["run", "the"], {"upos": ["VERB", "DET"]}),
    ]
    tags = table.predicted(said, ["upos", "xpos"])
    assert (tags["upos"][table.scored("upos")] == table.gold("upos")).tolist() == [True, False, True, True]
    assert table.has_tags(tags, "upos")
    assert not table.has_tags(tags, "xpos")
    assert not table.has_tags(tags, "feats")


def test_no_sentences() -> None:
    table = WordTable([], ["upos"])
    assert (len(table), table.columns, table.ambiguous("upos")) == (0, [], frozenset())
    assert table.predicted([], ["upos"])["upos"].dtype == np.int32
