"""What a vocabulary counts, and what its ids depend on; tags <-> what a network learns; sentences to batches."""

from dataclasses import replace
from itertools import product
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.model.batch import collate, length_buckets
from tagger.model.embeddings import MAX_CHARACTERS, affix_rows
from tagger.model.vocabulary import IGNORE, PAD, UNK, UNSEEN, Vocabulary, join_vocabularies
from tagger.words.compounds import Compounds
from tagger.words.dictionary import Dictionary
from tagger.words.tag_codec import TagCodec, learned_tags
from tests.conftest import BUCKETS, TOKENS, assert_same_batch, make_batch, make_table

CORPUS = [
    {"tokens": ["The", "dog", "the", "cat"], "upos": ["DET", "NOUN", "DET", "NOUN"], "feats": ["_", "N=1", "_", "N=1"]},
    {"tokens": ["dog", "Zoë"], "upos": ["NOUN", "_"], "feats": ["N=2", ""]},
    {"tokens": ["a", "cat"], "upos": ["DET", "NOUN"], "feats": ["D=a", "N=1"]},
]


def test_what_is_counted_in_training_and_in_other_text_in_any_order() -> None:
    vocabulary = Vocabulary.build(CORPUS, ["upos", "feats"])
    assert vocabulary.words == {"cat": 2, "dog": 2, "the": 2}  # in lower case, at least twice
    assert vocabulary.word_ids == {"cat": 2, "dog": 3, "the": 4}
    assert list(Vocabulary.build(CORPUS, ["upos"], min_count=1).words) == ["cat", "dog", "the", "a", "zoë"]
    assert Vocabulary.build(CORPUS, ["upos"], min_count=3).words == {}
    # a: cat, cat, a; t: the, cat, cat; o: dog, dog, Zoë; e: The, the; ë, T and Z stand there once
    assert vocabulary.characters == ["a", "o", "t", "c", "d", "e", "g", "h"]
    assert vocabulary.character_ids["a"] == UNK + 1
    assert vocabulary.tags == {"upos": ["DET", "NOUN"], "feats": ["D=a", "N=1", "N=2", "_"]}  # where a blank is a tag
    assert vocabulary.known_forms == {"The", "the", "dog", "cat", "Zoë", "a"}
    with pytest.raises(InputError, match=r"column upos: the tag 'NO\\x1bUN' has a control character"):
        Vocabulary.build([{"tokens": ["a"], "upos": ["NO\x1bUN"]}], ["upos"])
    expected = Vocabulary.build(CORPUS, ["upos", "feats"], min_count=1)
    assert Vocabulary.build(CORPUS[::-1], ["upos", "feats"], min_count=1) == expected
    turned = [{key: values[::-1] for key, values in sentence.items()} for sentence in CORPUS[1:] + CORPUS[:1]]
    assert Vocabulary.build(turned, ["upos", "feats"], min_count=1) == expected
    corpus = [{"tokens": ["Dog", "dog", "cat"], "upos": ["NOUN"] * 3}]
    own = Vocabulary.build(corpus, ["upos"])
    known = own.with_text({"dog": 2, "Cow": 2, "cow": 1, "cat": 2, "yz": 1, "zz": 1}, 3)
    assert known.words == {"dog": 2, "cow": 3}  # what is rare in the text adds nothing to a count
    assert known.word_ids["dog"] == own.word_ids["dog"]
    assert own.characters == ["g", "o"]
    assert known.characters == ["g", "o", "c", "w", "z"]
    assert (known.forms, known.tags) == (own.forms, own.tags)
    assert own.with_text({"dog": 5}, 3).words == {"dog": 7}


PAIRS = [
    {"tokens": ["a", "b", "c"], "upos": ["X", "Y", "X"], "xpos": ["p", "q", "q"]},
    {"tokens": ["d", "e"], "upos": ["Y", "_"], "xpos": ["_", "p"]},  # these say nothing
]


def test_combinations_are_those_of_tokens_with_a_tag_in_every_column_and_merge() -> None:
    vocabulary = Vocabulary.build(PAIRS, ["upos", "xpos"])
    assert vocabulary.tags == {"upos": ["X", "Y"], "xpos": ["p", "q"]}
    assert vocabulary.combinations == [[0, 0], [0, 1], [1, 1]]
    alone = {"tokens": ["f"], "upos": ["Z"], "xpos": ["_"]}  # a tag is in none of them
    with_alone = Vocabulary.build([*PAIRS, alone], ["upos", "xpos"])
    assert with_alone.combinations == [*vocabulary.combinations, [2, 0], [2, 1]]  # it may have any other
    assert Vocabulary.build([alone], ["upos", "xpos"]).combinations == []
    assert Vocabulary.build(PAIRS, ["upos"]).combinations == []
    rows = [("X", "p", "a"), ("X", "q", "a"), ("Y", "q", "_"), ("X", "_", "b"), ("Y", "q", "c"), ("X", "_", "a")]
    sentences = [
        dict(zip(["tokens", "upos", "xpos", "feats"], [["w"], *([tag] for tag in row)], strict=True)) for row in rows
    ]
    vocabulary = Vocabulary.build(sentences, ["upos", "xpos", "feats"])
    assert vocabulary.tags["feats"] == ["_", "a", "b", "c"]
    # X p a, X q a, Y q _, Y q c; no other token has b, so that it stands with both p and q.
    assert vocabulary.combinations == [[0, 0, 1], [0, 0, 2], [0, 1, 1], [0, 1, 2], [1, 1, 0], [1, 1, 3]]
    # Y and a occur, but not together: the only other tag that Y has stands with them.
    together = {"tokens": ["w"], "upos": ["Y"], "xpos": ["_"], "feats": ["a"]}
    vocabulary = Vocabulary.build([*sentences, together], ["upos", "xpos", "feats"])
    assert vocabulary.combinations == [[0, 0, 1], [0, 0, 2], [0, 1, 1], [0, 1, 2], [1, 1, 0], [1, 1, 1], [1, 1, 3]]
    old = Vocabulary.build(PAIRS, ["upos", "xpos"])
    new = Vocabulary.build([{"tokens": ["g"], "xpos": ["p"], "upos": ["Z"]}], ["xpos", "upos"])
    tags = {"xpos": ["p", "q"], "upos": ["X", "Y", "Z"]}
    assert old.combinations_with(new, tags) == [[0, 0], [0, 2], [1, 0], [1, 1]]
    unknown = replace(new, combinations=[])
    assert old.combinations_with(unknown, tags) == unknown.combinations_with(old, old.tags) == []
    untagged = Vocabulary.build(PAIRS, [])
    assert untagged.combinations_with(old, old.tags) == old.combinations
    assert Vocabulary.build(PAIRS, ["upos"]).combinations_with(old, old.tags) == []


def test_joined_vocabularies_have_the_order_of_the_first_and_the_scripts_of_any(vocabulary: Vocabulary) -> None:
    tags = {column: tags[::-1] for column, tags in reversed(vocabulary.tags.items())}
    last = [len(tags) - 1 for tags in vocabulary.tags.values()]
    turned = [[last[1] - xpos, last[0] - upos] for upos, xpos in vocabulary.combinations]
    other = replace(vocabulary, tags=tags, combinations=sorted(turned), forms=["anew", "The"])
    joined = join_vocabularies([vocabulary, other])
    assert joined.tags == vocabulary.tags
    assert joined.columns == vocabulary.columns != other.columns
    assert joined.combinations == vocabulary.combinations
    assert joined.forms == sorted([*vocabulary.forms, "anew"])
    assert joined.words == {}
    new = [0, len(vocabulary.tags["xpos"]) - 1]
    assert new not in vocabulary.combinations
    other = replace(vocabulary, combinations=[*vocabulary.combinations, new], corpora=["A", "B", "C"])
    joined = join_vocabularies([vocabulary, other])
    assert joined.combinations == sorted([*vocabulary.combinations, new])  # of any
    assert joined.corpora == other.corpora
    assert join_vocabularies([vocabulary, replace(vocabulary, combinations=[])]).combinations == []
    assert join_vocabularies([other, replace(vocabulary, corpora=["C", "A"])]).corpora == ["A", "C"]  # that all know
    lemmas = {"flights": "flight", "saw": "saw", "reads": "reads"}
    first, second = (
        Vocabulary.build([{"tokens": forms, "lemma": [lemmas[form] for form in forms]}], ["lemma"], min_count=1)
        for forms in (["flights", "saw"], [*lemmas])
    )
    joined = join_vocabularies([first, second])
    scripts = {form: len(ids) for form, ids in zip(joined.forms, joined.form_tags["lemma"], strict=True)}
    assert scripts == {"flights": 1, "saw": 1, "reads": 1}
    third = replace(second, form_tags={"lemma": [[0, 1]] * len(second.forms)})
    assert join_vocabularies([first, third]).form_tags["lemma"] == [[0, 1]] * 3


def test_collate_pads_on_the_right_and_targets_tell_unseen_tags_from_blanks(vocabulary: Vocabulary) -> None:
    batch = make_batch(TOKENS, vocabulary)
    words, affixes, characters = (batch.features[name] for name in ("words", "affixes", "characters"))
    assert batch.lengths.tolist() == [4, 5, 1]
    assert batch.index.shape == (5, 3)
    assert characters.shape == (8, len("flights"))  # They book flights . The reads well Well: "." and "book" once, too
    for i, sentence in enumerate(TOKENS):
        for t, form in enumerate(sentence):
            u = batch.index[t, i]
            assert words[u] == vocabulary.word_ids[form.lower()]
            assert affixes[u].tolist() == affix_rows(BUCKETS, [form])[0].tolist()
            ids = [vocabulary.character_ids[c] for c in form]
            assert characters[u].tolist() == ids + [PAD] * (len("flights") - len(form))
        assert (batch.index[len(sentence) :, i] == 0).all()
    corpus = [{"tokens": ["a", "b"], "upos": ["X", "Y"], "feats": ["_", "F=1"]}]
    vocabulary = Vocabulary.build(corpus, ["upos", "feats"], min_count=1)
    tags = {"upos": [["Y", "_", "NEW"], ["X"]], "feats": [["_", "", "F=2"], ["F=1"]]}
    batch = make_batch([["a", "b", "c"], ["a"]], vocabulary, tags)
    assert batch.targets["upos"].T.tolist() == [[1, IGNORE, UNSEEN], [0, IGNORE, IGNORE]]
    assert batch.targets["feats"].T.tolist() == [[1, IGNORE, UNSEEN], [0, IGNORE, IGNORE]]
    assert make_batch([["a"]], vocabulary).targets == {}


def test_word_dropout_hides_tokens_of_the_generators_choice_and_keeps_their_spelling(vocabulary: Vocabulary) -> None:
    words = Vocabulary({"book": 4, "flights": 4}, vocabulary.characters, vocabulary.tags, vocabulary.forms)
    table, sentences = make_table(words), [["book", "flights"] * 500]
    first, again, other = (
        collate(sentences, table, word_dropout=1.0, generator=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert_same_batch(first, again)
    assert first.index.tolist() != other.index.tolist()
    assert len(first.features["words"]) == 4  # both forms, each as it is and hidden
    ids = first.features["words"][first.index[:, 0]]
    assert 150 < int((ids == UNK).sum()) < 250  # one in 1 + 4
    assert set(ids[0::2].tolist()) == {words.word_ids["book"], UNK}
    for name in ("characters", "affixes"):
        spelled = first.features[name][first.index[:, 0]]
        assert (spelled[0::2] == spelled[0]).all()
        assert (spelled[1::2] == spelled[1]).all()
        assert (spelled[0] != spelled[1]).any()


@given(st.lists(st.lists(st.text(st.characters(codec=None, exclude_categories=())), min_size=1), min_size=1))
def test_any_forms_can_be_collated(sentences: list[list[str]]) -> None:
    vocabulary = Vocabulary.build([{"tokens": ["a", "\ud800"], "upos": ["X", "Y"]}], ["upos"], min_count=1)
    batch = make_batch(sentences, vocabulary)
    assert batch.lengths.tolist() == [len(sentence) for sentence in sentences]
    for i, sentence in enumerate(sentences):
        for t, form in enumerate(sentence):
            assert batch.features["words"][batch.index[t, i]] == vocabulary.word_ids.get(form.lower(), UNK)


def test_padding_is_at_most_a_tenth_of_the_slots_and_batches_are_a_function_of_the_generator() -> None:
    # as in a treebank of the web, 16 tokens on average
    lengths = np.random.default_rng(7).lognormal(2.45, 0.85, 12_000).astype(np.int64).clip(1, 150)
    for limit, seed in product((500, 2000), (None, 1, 2)):
        generator = None if seed is None else np.random.default_rng(seed)
        batches = [lengths[numbers] for numbers in length_buckets(lengths, limit, generator)]
        slots = sum(int(batch.max()) * len(batch) for batch in batches)
        assert 1 - lengths.sum() / slots <= 0.10
        assert len(batches) <= 1.2 * lengths.sum() / limit  # and the batches are full
    first, again, other = (
        [batch.tolist() for batch in length_buckets(lengths, 500, np.random.default_rng(seed))] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert sorted(map(sorted, first)) != sorted(map(sorted, other))  # other neighbours, not only another order
    longest = [int(lengths[batch].max()) for batch in first]
    assert longest != sorted(longest)


@given(st.lists(st.integers(1, 60), max_size=50), st.integers(1, 100), st.one_of(st.none(), st.integers(0, 5)))
def test_every_sentence_is_in_one_batch_within_the_limit(lengths: list[int], limit: int, seed: int | None) -> None:
    measured = np.array(lengths, dtype=np.int64)
    generator = None if seed is None else np.random.default_rng(seed)
    batches = list(length_buckets(measured, limit, generator))
    assert sorted(int(n) for batch in batches for n in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or measured[batch].max() * len(batch) <= limit


def test_long_forms_are_cut_and_a_table_that_forgets_or_grows_gives_the_same_batches(vocabulary: Vocabulary) -> None:
    vocabulary = Vocabulary.build([{"tokens": ["abcdefgh"], "upos": ["X"]}], ["upos"], min_count=1)
    form = "abcd" * 4 + "h" * 4968 + "efg" * 5 + "a"
    assert len(form) == 5000
    batch = make_batch([[form, "ab"]], vocabulary)
    assert batch.features["characters"].shape == (2, MAX_CHARACTERS)
    ids = vocabulary.character_ids
    assert batch.features["characters"][0].tolist() == [ids[c] for c in form[:16] + form[-16:]]
    assert batch.features["characters"][1].tolist() == [ids["a"], ids["b"]] + [PAD] * 30
    for length in (31, 32, 33):
        batch = make_batch([[form[:length]]], vocabulary)
        assert (batch.features["characters"] != PAD).sum() == min(length, 32)
    small, large = make_table(vocabulary, limit=4), make_table(vocabulary)
    texts = [[["They", "book"]], [["flights", "."]], [["Well"], ["reads", "They", "new", "words", "book"]], TOKENS]
    for sentences in [*texts, *texts]:
        assert_same_batch(collate(sentences, small), make_batch(sentences, vocabulary))
        assert len(small._rows) <= max(4, sum(map(len, sentences)))
    for start in (0, 700, 1400, 0):
        sentences = [[f"form{i}" for i in range(start, start + 700)]]
        assert_same_batch(collate(sentences, large), make_batch(sentences, vocabulary))


FORMS = ["Dogs", "is", "_", "x"]
LEMMAS = ["dog", "be", "_", "_"]
SCRIPTS = ["lower:*", "lower:*-", "lower:*---", "lower:be"]


def test_lemmas_are_learned_as_scripts_and_those_that_give_the_same_lemma_add_up() -> None:
    expected = ["lower:*-", "lower:be", "lower:*", "_"]
    assert TagCodec("lemma", SCRIPTS).learned(FORMS, LEMMAS) == learned_tags("lemma", FORMS, LEMMAS) == expected
    assert learned_tags("upos", FORMS, LEMMAS) is LEMMAS
    corpus = [{"tokens": FORMS, "upos": ["NOUN", "AUX", "SYM", "X"], "lemma": LEMMAS}]
    vocabulary = Vocabulary.build(corpus, ["upos", "lemma"], min_count=1)
    assert vocabulary.tags["lemma"] == ["lower:*", "lower:*-", "lower:be"]
    assert vocabulary.forms == ["Dogs", "_", "is", "x"]
    assert vocabulary.form_tags == {"lemma": [[1], [0], [2], []]}
    assert vocabulary.combined == ["upos"]
    gold = {"lemma": [["cat", "cat", "cat"]]}
    batch = collate([["cats", "x", "Cats"]], make_table(vocabulary), gold)
    seen = vocabulary.tag_ids["lemma"]["lower:*-"]
    assert batch.targets["lemma"].tolist() == [[seen], [-101], [seen]]
    for column, tags in (("xpos", ["lower:*", "N"]), ("lemma", ["dog", "lower:*"])):
        codec = TagCodec(column, tags)
        assert codec.learned(["Dogs"], ["dog"]) == ["dog"]
        assert [codec.tag("Dogs", i) for i in range(2)] == tags
        read = codec.read(["Dogs"], np.zeros(1, int), np.array([[1, 0]]), np.array([[0.75, 0.25]]), 2)
        assert read == ([tags[1]], [0.75], [[(tags[1], 0.75), (tags[0], 0.25)]])
        assert codec.candidates(3, True) == len(codec) == 2
    codec = TagCodec("lemma", ["lower:*", "keep:*", "lower:*-", "lower:*--"])
    ids, shares = np.array([[2, 1, 0, 3]]), np.array([[0.4, 0.3, 0.2, 0.1]])
    assert codec.candidates(2, True) == 4
    read = codec.read(["dogs"], np.zeros(1, int), ids, shares, 2)
    assert read.best == ["dog"]
    assert read.probabilities == [pytest.approx(0.4)]
    assert read.alternatives == [[("dog", pytest.approx(0.4)), ("dogs", pytest.approx(0.5))]]
    together = codec.read(["i"], np.zeros(1, int), np.arange(4)[None], shares, 3)
    assert together.alternatives == [[("i", pytest.approx(1.0))]]
    assert together.probabilities == [pytest.approx(1.0)]


FINNISH = dict(zip(["maailmaa", "Lumisade", "talvi-ilta"], [["maa#ilma"], ["lumi#sade"], ["talvi#ilta"]], strict=True))
FINNISH |= {form: [form] for form in ("sade", "koira", "Turku", "jo")}


def test_lemmas_of_unknown_words_have_marks_between_parts_of_training_case_and_whole_letters() -> None:
    compounds = Compounds(FINNISH)
    assert compounds.marks == "#"
    assert compounds.cut("koirasade") == "koira#sade"
    assert compounds.cut("lumikoira") == "lumi#koira"
    for whole in (
        "koiraturku",  # no compound has either there
        "sadelumi",  # both stand at the other end
        "josada",  # no part is a word
        "Koirasade",  # a name
        "lumi#koira",
    ):
        assert compounds.cut(whole) == whole
    assert Compounds({**FINNISH, "koirasade": ["koirasade"]}).cut("koirasade") == "koirasade"
    dictionary = Mock(spec=Dictionary, lemmas_of=Mock(return_value={}))
    together = Compounds(FINNISH, dictionary).cut_all(["koirasade", "lumikoira", "koirasade", "jo", "talvikoira"])
    assert together == ["koira#sade", "lumi#koira", "koira#sade", "jo", "talvi#koira"]
    dictionary.lemmas_of.assert_called_once()  # for all of them
    longer = {"maailmaa": ["maa#ilma"], "maailmankuva": ["maailma#n#kuva"], "maailmankuvat": ["maa#ilman#kuva"]}
    compounds = Compounds({**FINNISH, **longer})
    assert compounds.cut("maailma") == "maa#ilma"  # its own lemma, not how others begin
    assert compounds.cut("maailmakoira") == "maa#ilma#koira"
    for lemmas in (
        {"dogs": ["dog"]},
        {"koordam": ["kard#kon"], "goftam": ["goft#gu"]},  # two stems of a verb, not parts of the word
        {"well-known": ["well-known"], "x": ["x#"], "y": ["#y"]},
        {"\u0928\u093e": ["\u0928\u093e\u0928"], "\u0928\u0928": ["\u0928\u093e\u0928"]},  # a vowel sign of Hindi
    ):
        compounds = Compounds(lemmas)
        assert compounds.marks == ""
        assert compounds.cut("dogsdog") == "dogsdog"
    codec = TagCodec("lemma", ["lower:*", "lower:...#*"], {"maailma": [1], "koira": [0], "ilma": [0], "kissa": []})
    forms = ["koirailma", "maakoira", "maakoir", "Maailma", "koira", "kissailma"]
    expected = ["koira#ilma", "maa#koira", "maakoir", "maa#ilma", "koira", "kissa#ilma"]
    assert [codec.tag(form, 0) for form in forms] == expected
    ids, shares = np.zeros((6, 1), dtype=np.int64), np.ones((6, 1), dtype=np.float32)
    rows = np.arange(len(forms))
    assert codec.read(forms, rows, ids, None, 1).best == expected
    assert codec.read(forms, rows, ids, shares, 1) == (expected, [1.0] * 6, None)
    assert codec.read(forms, rows, ids, shares, 2).alternatives == [[(lemma, 1.0)] for lemma in expected]
    codec = TagCodec("lemma", ["keep:*-a", "lower:*", "upper:*"], {"Prahy": [0], "NATO": [2]})
    words = [("PRAHY", 0), ("Brdy", 0), ("OECD", 2), ("İÇTİ", 1)]
    assert [codec.tag(*word) for word in words] == ["Praha", "Brda", "OECD", "içti"]
    codec = TagCodec("lemma", ["lower:*", "jamo:*-"], {"간": [1]})
    assert [codec.tag(form, 1) for form in ("나", "난")] == ["나", "나"]  # no single letter is left of a syllable
