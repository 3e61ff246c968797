"""A dictionary: the answers of simplemma, one file that processes share, and lemmas of words that training lacks."""

import dataclasses
import os
import pickle
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from simplemma.strategies.dictionaries.stream_dictionary_factory import StreamDictionaryFactory
from simplemma.strategies.dictionary_lookup import DictionaryLookupStrategy

from tagger.bundle import saved_config
from tagger.bundle.bundle import Bundle
from tagger.bundle.catalog import bundled_folders
from tagger.errors import InputError
from tagger.model.batch import FormTable, collate
from tagger.model.embeddings import LEMMA_KINDS, LEMMAS
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import FIRST_ID, PAD, UNK, Vocabulary
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import Request, TaggerOptions
from tagger.text.sentence import Sentence
from tagger.training.count_conventions import RARE, count_lemma_reliability
from tagger.words import dictionary as module
from tagger.words.dictionary import Counts, Dictionary, LemmaReliability, digest_of, open_dictionary
from tagger.words.judges import DictionaryLemmas
from tagger.words.tag_codec import TagCodec
from tests.bundle.test_bundle import change
from tests.conftest import TOKENS, bundle_of, make_network, make_tagger, network_config

SMALL = "sq"  # its dictionary is one of the smallest
ENGLISH = {"en": digest_of("en")}


def opened(*codes: str) -> Dictionary:
    return open_dictionary(**{code: digest_of(code) for code in codes})


def forms_of(language: str) -> list[str]:
    """Some forms of the training data of a bundled tagger, some of them as they are written seldom."""
    forms = Bundle.load(bundled_folders()[language]).vocabulary.forms[::40]
    capitals = [form.upper() for form in forms[::5]] + [form.title() for form in forms[1::5]]
    joined = [f"{a}'{b}" for a, b in zip(forms[::9], forms[1::9], strict=False)]
    return [*forms, *capitals, *joined, "", "\ud800", "x" * 500]


LANGUAGES = {"latvian": "lv", "greek": "el", "hebrew": "he", "armenian": "hy", "french": "fr", "indonesian": "id"}
LANGUAGES |= {"norwegian": "nn", "persian": "fa"}


@pytest.mark.parametrize(("language", "code"), LANGUAGES.items())
def test_the_lemmas_are_those_of_simplemma(language: str, code: str) -> None:
    strategy = DictionaryLookupStrategy(StreamDictionaryFactory())
    forms = [*forms_of(language), "l’homme", "l'homme", "Լա՛վ", "ՈՒՐԵՄՆ"]
    expected: list[str | None] = []
    for form in forms:  # as it is, or as it is in small letters
        each = [strategy.get_lemma(each, code) for each in (form, form.lower()) if "\ud800" not in form]
        expected.append(next(filter(None, each), None))
    found = opened(code).look_up(forms)
    assert found.lemmas == expected
    assert 0.2 < np.mean([lemma is not None for lemma in expected]) < 1
    assert [bool(key) for key in found.changes] == [lemma is not None for lemma in expected]


def test_forms_of_one_lemma_share_its_inflection_and_the_first_dictionary_decides() -> None:
    forms = ["books", "book", "walked", "talked", "Walked", "talks", "xyzzyx"]
    found = opened("en").look_up(forms)
    assert found.lemmas == ["book", "book", "walk", "talk", "walk", "talk", None]
    books, book, walked, talked, title, talks, nothing = found.changes.tolist()
    assert walked == talked == title
    assert len({books, book, walked, nothing}) == 4
    assert (books, nothing) == (talks, 0)
    assert not found.inflections[-1].any()
    assert found.inflections[0].tolist() == found.inflections[1].tolist()
    assert books in found.inflections[0]
    assert walked in found.inflections[3]
    assert found.inflections.shape == (len(forms), module.SLOTS)
    forms = ["bøkene", "bøkerne", "bøker", "qqq"]
    nb, nn = (opened(code).look_up(forms).lemmas for code in ("nb", "nn"))
    assert nb != nn
    assert opened("nb", "nn").look_up(forms).lemmas == [a or b for a, b in zip(nb, nn, strict=True)]
    assert opened("nn", "nb").look_up(forms).lemmas == [b or a for a, b in zip(nb, nn, strict=True)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder in the place of the user's, as at the first use."""
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")
    forget()
    yield tmp_path / "cache"
    forget()


def forget() -> None:
    """What another process would not know either."""
    module._tables.cache_clear()
    module.open_dictionary.cache_clear()


def answers(dictionary: Dictionary | None = None) -> list[str | None]:
    """What a dictionary, by default the small one, says of some forms."""
    return (dictionary or opened(SMALL)).look_up(["librave", "shkoj", "LIBRIT", "zzz"]).lemmas


def test_a_file_is_made_once_and_a_damaged_one_again(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    expected = answers()
    assert any(expected)
    (path,) = folder.iterdir()
    content = path.read_bytes()
    answers(opened("fa"))
    (other,) = {*folder.iterdir()} - {path}
    middle = len(content) // 2
    damages = {
        "it is shorter": content[:-100],
        "zeros, of a power loss": bytes(len(content)),
        "another language's": other.read_bytes(),
        "a bit is another": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
    }
    for damage, written in damages.items():
        forget()
        path.write_bytes(written)
        caplog.clear()
        assert answers() == expected, damage
        assert path.read_bytes() == content
        (line,) = caplog.messages
        assert line.startswith(f"the tables of the dictionary {SMALL} are made")
    forget()
    caplog.clear()
    assert answers() == expected
    assert not caplog.messages


@pytest.mark.parametrize(
    "kind", ["link to an endless file", "link to a file", "named pipe", "folder", "name that is no text", "no home"]
)
def test_what_is_no_regular_file_is_not_used(
    folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = answers()
    (path,) = folder.iterdir()
    path.unlink()
    other = folder.with_name("other")
    if kind == "no home":
        monkeypatch.setattr(module, "cache_folder", Mock(side_effect=RuntimeError("no home")))
    elif kind == "link to a file":
        other.write_text("somebody's")
        path.symlink_to(other)
    elif kind == "name that is no text":
        monkeypatch.setattr(module, "cache_folder", lambda: folder / os.fsdecode(b"x\xff"))
    else:
        {"named pipe": os.mkfifo, "folder": os.mkdir}.get(kind, lambda path: os.symlink("/dev/zero", path))(path)
    forget()
    caplog.clear()
    assert answers() == expected
    begin, end = caplog.messages
    assert "are made" in begin
    assert end.startswith(f"the next process makes the tables of the dictionary {SMALL} again: ")
    assert "regular file" in end or kind in ("name that is no text", "no home")
    assert kind != "link to a file" or other.read_text() == "somebody's"


def test_without_a_folder_the_answers_are_the_same_and_many_make_one_file(folder: Path) -> None:
    folder.write_text("a file, so that nothing can be written below it", encoding="utf-8")
    alone = opened(SMALL)
    data = pickle.dumps(alone)
    assert len(data) < 1000
    before = pickle.loads(data)
    expected = answers(alone)
    copied = pickle.loads(pickle.dumps(alone))  # with the tables
    folder.unlink()
    forget()
    assert any(expected)
    assert answers(copied) == answers(before) == expected
    forget()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: answers(), range(4))) == [expected] * 4
    assert len(list(folder.iterdir())) == 1


def test_another_dictionary_and_a_missing_library_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"^the dictionary en of the installed simplemma is not .*; pip install"):
        open_dictionary(en="0" * 32)
    with pytest.raises(InputError, match="no dictionary has the code 'sw'"):  # which simplemma has, with too many forms
        open_dictionary(sw=digest_of("de"))
    with pytest.raises(InputError, match=r"^no dictionary has the code '../en'; choose from ar, "):
        open_dictionary(**{"../en": "0" * 32})
    for each in (module._simplemma, module.open_dictionary, module.digest_of):
        each.cache_clear()
    monkeypatch.setitem(sys.modules, "simplemma", None)
    with pytest.raises(InputError, match=r"^simplemma, .*, is missing; pip install 'simplemma==2.0.0'$"):
        open_dictionary(**ENGLISH)


@pytest.fixture
def with_lemmas(vocabulary: Vocabulary) -> Vocabulary:
    return vocabulary.with_lemmas(opened("en"), 2)


def test_lemmas_of_training_have_ids_and_features_and_rare_ones_are_hidden(with_lemmas: Vocabulary) -> None:
    assert with_lemmas.lemmas["well"] == 2
    assert "flight" not in with_lemmas.lemmas
    again = with_lemmas.with_lemmas(opened("en"), 1)
    assert list(again.lemmas)[: len(with_lemmas.lemmas)] == list(with_lemmas.lemmas)
    assert "flight" in again.lemmas
    config = network_config(lemmas=8, dictionary=ENGLISH)
    table = FormTable(with_lemmas, config)
    rows = table.features[LEMMAS][table.rows(["well", "Wells", "flights", "qqqq"])]
    assert rows[:, 0].tolist() == [with_lemmas.lemma_ids["well"], with_lemmas.lemma_ids["well"], UNK, PAD]
    assert len(set(rows[:, LEMMA_KINDS].tolist())) == 3  # well; wells and flights; qqqq
    assert not rows[3, 1 + LEMMA_KINDS :].any()
    assert rows.max() < LEMMA_KINDS * 2049
    table = FormTable(with_lemmas, config)
    seen: set[int] = set()
    for seed in range(30):
        batch = collate(TOKENS, table, word_dropout=1.0, generator=np.random.default_rng(seed))
        lemmas = batch.features[LEMMAS][:, 0]
        seen |= set(lemmas.tolist())
        full_stop = int(batch.index[3, 0])
        assert lemmas[full_stop] in (PAD, UNK, with_lemmas.lemma_ids.get(".", UNK))
    assert {UNK, with_lemmas.lemma_ids["well"]} <= seen
    assert (collate(TOKENS, table).features[LEMMAS][:, 0] >= FIRST_ID).any()


def test_a_saved_tagger_reads_its_dictionary_alone(
    with_lemmas: Vocabulary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network: TaggerNetwork = make_network(with_lemmas, lemmas=8, dictionary=ENGLISH)
    bundle_of(network, with_lemmas).save(tmp_path / "tagger", "")
    loaded = Bundle.load(tmp_path / "tagger")
    batch = collate(TOKENS, FormTable(loaded.vocabulary, loaded.networks[0].config))
    assert loaded.networks[0](batch).scores["upos"].equal(network(batch).scores["upos"])
    monkeypatch.setattr(module, "digest_of", lambda code: "another")
    module.open_dictionary.cache_clear()
    with pytest.raises(InputError, match="not the one that this tagger learned with"):
        FormTable(loaded.vocabulary, loaded.networks[0].config)


def count(words: str) -> LemmaReliability:
    """The reliability of the English dictionary on a sentence of `form/lemma/UPOS`, or of `form/lemma`."""
    rows = zip(*(word.split("/") for word in words.split()), strict=True)
    found = count_lemma_reliability([dict(zip(("tokens", "lemma", "upos"), rows, strict=False))], opened("en"))
    assert found is not None
    return found


def test_right_lemmas_of_rare_words_are_counted_and_shares_smoothed() -> None:
    found = count("cats/cat/NOUN dogs/dog/NOUN houses/houses/NOUN xqzzy/xqzzy/NOUN jumps/_/NOUN Bills/Bills/PROPN")
    assert found.dictionary == ENGLISH
    cats, houses, bills = map(int, opened("en").look_up(["cats", "houses", "Bills"]).changes)
    assert cats == houses
    assert found.new == {"NOUN": [(cats, 2, 3)], "PROPN": [(bills, 0, 1)]}  # not what it lacks, nor what has no lemma
    assert found.known == {}
    assert count("cats/cat/NOUN " + "dogs/dogs/NOUN " * (RARE + 1)).new == {"NOUN": [(cats, 1, 1)]}
    nothing = [{"tokens": ["cats", "dogs"], "lemma": ["_", "_"], "upos": ["NOUN", "NOUN"]}]
    assert count_lemma_reliability(nothing, opened("en")) is None
    shared = count("cats/cat/NOUN catty/cat/ADJ dogs/dog/NOUN")  # a lemma that other words have is counted apart
    assert (shared.known["NOUN"], shared.new["NOUN"]) == ([(cats, 1, 1)], [(cats, 1, 1)])
    assert count("cats/cat dogs/dogs").new == {"": [(cats, 1, 2)]}
    counts: Counts = {"NOUN": [(7, 3, 4)], "VERB": [(7, 0, 1), (-9, 5, 5)]}
    (rows, table), (no_rows, zeros) = (module.reliabilities(each, ["VERB", "X", "NOUN"]) for each in (counts, {}))
    assert sorted(rows) == [-9, 7]
    of_all, of_tag, of_change = 8 / 10, module.PRIOR_OF_TAG, module.PRIOR_OF_CHANGE
    verb, noun = ((right + of_tag * of_all) / (every + of_tag) for right, every in ((5, 6), (3, 4)))
    of_verb, of_noun = of_change * verb / (1 + of_change), (3 + of_change * noun) / (4 + of_change)
    assert table[rows[7]] == pytest.approx([of_verb, of_all, of_noun])
    assert table[0] == pytest.approx([verb, of_all, noun])  # of changes that were not counted
    assert (no_rows, zeros.tolist()) == ({}, [[0, 0, 0]])


MICE = ["They", "book", "mice", "and", "geese", "."]  # what training lacks has lemmas that no script of training gives
SENTENCES = [MICE, ["geese"], ["book", "flights"], [], [*MICE, *MICE, "Geese", "xqzzy"]]


def reliability(right: int, tag: str = "NOUN") -> LemmaReliability:
    """That of the English dictionary, the same for every change of a tag and of all; `right` of 100 words."""
    counts: Counts = {tag: [(0, right, 100)]}
    return LemmaReliability(ENGLISH, counts, counts)


def with_dictionary(tagger: Tagger, found: LemmaReliability) -> Tagger:
    return Tagger(dataclasses.replace(tagger.bundle, lemmas=found), TaggerOptions("cpu", "float32"))


@pytest.fixture
def plain(lemmas: Callable[..., Tagger]) -> Tagger:
    return lemmas(precision="float32")


def tag(tagger: Tagger, sentences: list[list[str]], **options: object) -> list[Sentence]:
    return list(tagger.stream([Sentence(list(tokens)) for tokens in sentences], **options))  # type: ignore[arg-type]


def test_how_reliable_a_dictionary_is_depends_on_the_upos_and_on_what_training_has(plain: Tagger) -> None:
    counts: Counts = {"NOUN": [(0, 100, 100)], "VERB": [(0, 0, 100)]}
    tagger = with_dictionary(plain, LemmaReliability(ENGLISH, {}, counts))
    for upos, lemma in (("NOUN", True), ("VERB", False)):
        for columns in (None, ["lemma"]):
            (found,) = tagger.stream([Sentence(["mice"], {"upos": [upos]})], columns=columns, keep=True)
            assert (found.tags["lemma"] == ["mouse"]) == lemma
            assert found.tags["upos"] == [upos]
    (kept,) = tagger.stream([Sentence(["mice"], {"upos": ["NOUN"], "lemma": ["mus"]})], True, top=2, keep=True)
    assert kept.tags["lemma"] == ["mus"]
    assert kept.alternatives["lemma"] == [[("mus", 1.0)]]
    (before,), (after,) = (tag(tagger, [MICE]) for tagger in (plain, with_dictionary(plain, reliability(100))))
    assert after.tags["lemma"] == ["they", "book", "mouse", "and", "goose", "."]
    assert before.tags["lemma"][2] != "mouse"
    assert before.tags["upos"] == after.tags["upos"]
    assert tag(with_dictionary(plain, reliability(0)), [MICE]) == [before]  # the network is surer
    every: Counts = {"X": [(0, 100, 100)]}
    none: Counts = {"X": [(0, 0, 100)]}
    for known, new, expected in ((every, none, ["book", False]), (none, every, [False, "mouse"])):
        (sentence,) = tag(with_dictionary(plain, LemmaReliability(ENGLISH, known, new)), [["books", "mice"]])
        assert [lemma in ("book", "mouse") and lemma for lemma in sentence.tags["lemma"]] == expected


def test_alternatives_begin_with_the_dictionary_whatever_else_is_wanted(plain: Tagger) -> None:
    tagger = with_dictionary(plain, reliability(60))
    every = [sentence.tags["lemma"] for sentence in tag(tagger, SENTENCES)]
    alone = tag(tagger, SENTENCES, columns=["lemma"])
    assert [sentence.tags for sentence in alone] == [{"lemma": found} for found in every]
    for top in (1, 2, 5):
        assert [s.tags["lemma"] for s in tag(tagger, SENTENCES, probabilities=True, top=top)] == every
    taggers = plain, with_dictionary(plain, reliability(99))
    before, after = (tag(tagger, [["mice"], ["houses"]], probabilities=True, top=3) for tagger in taggers)
    for one, other, lemma in zip(before, after, ("mouse", "house"), strict=True):
        (shares,), share = other.alternatives["lemma"], other.probabilities["lemma"][0]
        assert shares[0] == (lemma, share)
        assert share == pytest.approx(0.99)
        rest = {each: p for each, p in one.alternatives["lemma"][0] if each != lemma}  # *house* has a share before
        expected = {each: 0.01 * p / sum(rest.values()) for each, p in rest.items()}
        assert dict(shares[1:]) == pytest.approx(expected, abs=2e-6)
        assert len(tag(taggers[1], [one.tokens], top=2)[0].alternatives["lemma"][0]) == 2


SUN = ["lower:*", "lower:sun#flower", "lower:sun#light", "lower:moon#light"]
LIGHTS = {"sunflower": [1], "sunlight": [2], "moonlight": [3], "flower": [0], "light": [0], "day": [0]}


def test_a_compound_that_no_one_has_ends_in_a_word_of_the_dictionary() -> None:
    codec = TagCodec("lemma", SUN, LIGHTS)
    judge = DictionaryLemmas(reliability(100), codec, ["NOUN"], 100)
    for dictionary, house in ((None, "sunhouse"), (opened("en"), "sun#house")):
        codec.use(dictionary)  # which knows that *house* is a lemma
        assert codec.tag("sunhouse", 0) == house
    forms = {"sunmice": "sun#mouse", "Moongeese": "moon#goose", "mice": "mouse", "day": ""}
    forms |= {"sunxqz": "", "s1mice": "", "zebramice": "zebra#mouse", "sunpeter": "", "sun" * 9999 + "mice": ""}
    assert [lemma for _, lemma, _ in judge._look_up([*forms])] == [*forms.values()]


@pytest.mark.usefixtures("small_windows")
def test_batches_processes_and_memory_change_nothing(plain: Tagger) -> None:
    whole = with_dictionary(plain, reliability(90))
    sentences = SENTENCES * 3
    expected = [found for each in sentences for found in tag(whole, [each], probabilities=True, top=2)]
    (judge,) = (judge for judge in whole.engine.judges if isinstance(judge, DictionaryLemmas))
    judge._capacity = 3
    place, copy = whole.engine.judges.index(judge), pickle.loads(pickle.dumps(judge))
    for _ in range(2):
        found = tag(whole, sentences, probabilities=True, top=2)
        assert [s.tags for s in found] == [s.tags for s in expected]
        for one, other in zip(found, expected, strict=True):
            assert one.probabilities["lemma"] == pytest.approx(other.probabilities["lemma"], abs=1e-5)
        whole.engine.judges[place] = copy
    fixed = [Sentence(list(tokens)) for tokens in SENTENCES]
    whole.tag_window(fixed, Request(fixed_shapes=True))
    assert [s.tags for s in fixed] == [s.tags for s in expected[: len(SENTENCES)]]


def test_a_folder_keeps_it_and_a_damaged_file_is_refused(plain: Tagger, tmp_path: Path) -> None:
    folder = tmp_path / "a"
    bundle = dataclasses.replace(plain.bundle, lemmas=reliability(90))
    for key, value, message in (
        ("dictionary", {}, "has no dictionary"),
        ("dictionary", {"en": 1}, 'dictionary={"en": 1}: expected str'),
        ("known", {"NOUN": [[1, 3, 2]]}, "more are right than there are"),
        ("new", {"NOUN": [[1, 0, 0]]}, "expected int >= 1"),
        ("new", {"NOUN": [[1, -1, 2]]}, "expected int >= 0"),
        ("new", {"NOUN": [[1 << 40, 1, 2]]}, "expected int"),
        ("new", {"NOUN": [[1, 2]]}, "length 3"),
        ("new", None, "expected object"),
        ("other", 1, "other: no such key"),
    ):
        bundle.save(folder, "")
        assert Bundle.load(folder).lemmas == bundle.lemmas
        change(folder / saved_config.LEMMAS, (key,), value)
        with pytest.raises(InputError, match=f"^{folder}.*{re.escape(message)}"):
            Bundle.load(folder)
    plain.bundle.save(folder, "")
    assert Bundle.load(folder).lemmas is None


NAMES = [
    {"tokens": ["Anna", "books", "Rome"], "upos": ["PROPN", "VERB", "PROPN"], "lemma": ["Anna", "book", "Rome"]},
    {"tokens": ["Books", "cost", "."], "upos": ["NOUN", "VERB", "PUNCT"], "lemma": ["book", "cost", "."]},
]


def test_a_name_keeps_its_capital_where_those_of_training_do() -> None:
    small = [{**each, "lemma": [lemma.lower() for lemma in each["lemma"]]} for each in NAMES]
    for corpus, names, expected in ((NAMES, "PROPN", False), (NAMES, "NOUN", True), (small, "PROPN", True)):
        vocabulary = Vocabulary.build(corpus, ["upos", "lemma"], min_count=1)
        tagger = with_dictionary(make_tagger(make_network(vocabulary), vocabulary), reliability(100, names))
        for columns in (None, ["lemma"]):
            sentence = Sentence(["Mice", "cost", "mice", "MICE", "Rome"], {"upos": [names, "VERB", names, names, "_"]})
            (found,) = tagger.stream([sentence], columns=columns, keep=True)
            first, *others = found.tags["lemma"]
            assert others[1:] == ["mouse", "mouse", corpus[0]["lemma"][2]]
            assert (first == "mouse") == expected
            assert first[0].islower() == expected
