"""The taggers of all languages as one."""

import gc
import gzip
import json
import pickle
import threading
import weakref
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import tagger
from tagger.bundle.bundle import Bundle
from tagger.bundle.catalog import MORE, bundled_folders, bundled_languages, find_language, find_tagger, folder_bytes
from tagger.bundled import bundled
from tagger.commands.options import of_megabytes
from tagger.errors import InputError
from tagger.tagging import languages
from tagger.tagging.identifier import IDENTIFIER, MAX_WORD, Identifier, pieces_of, script_of, words_of
from tagger.tagging.languages import COLUMNS, Languages, load
from tagger.text.formats import read, read_parts, writer
from tagger.text.paragraphs import Paragraph
from tagger.text.sentence import Sentence
from tagger.words.language_table import language_table, languages_by_word

_TEXTS = Path(__file__).with_name("texts.tsv").read_text(encoding="utf-8").splitlines()[1:]
TEXTS = dict(line.split("\t") for line in _TEXTS)
THERE = [name for name in TEXTS if name in bundled_languages()]
BASQUE = "Haurrak lorategian jolasten ari ziren ama atzo arratsaldean lanetik etxera itzuli zenean."

_FOREIGN = Path(__file__).with_name("foreign_paragraphs.tsv").read_text(encoding="utf-8").splitlines()[1:]
FOREIGN = [line.split("\t") for line in _FOREIGN]  # language of a document and of a paragraph, the paragraph
_SHORT = Path(__file__).with_name("short_texts.tsv").read_text(encoding="utf-8").splitlines()[1:]
SHORT = {text.replace("\\n", "\n"): languages.split() for text, languages in (line.split("\t") for line in _SHORT)}


@pytest.fixture(scope="module")
def every() -> Languages:
    return Languages("cpu", max_bytes=2_000_000_000)  # by default there is room for fewer


def test_paragraphs_have_the_taggers_of_their_languages_and_short_ones_that_of_the_beginning(
    every: Languages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(languages.gc, "collect", lambda: pytest.fail("there is room for all"))
    text = "\n\n".join(TEXTS[name] for name in THERE) + "\n"
    found = every.annotate(text)
    assert list(dict.fromkeys(s.language for s in found)) == THERE
    first, second = ([id(every.of(name)) for name in THERE] for _ in range(2))
    assert first == second  # they stay in memory
    for name in THERE[::4]:
        own = [s for s in found if s.language == name]
        alone = load(name, "cpu").annotate(TEXTS[name])
        assert [s.tokens for s in own] == [s.tokens for s in alone]
        for sentence, other in zip(own, alone, strict=True):
            assert list(sentence.tags) == [*other.tags, *(c for c in COLUMNS if c not in other.tags)]
            assert all(sentence.tags[column] == tags for column, tags in other.tags.items())
            assert all(set(sentence.tags[c]) == {"_"} for c in COLUMNS if c not in other.tags)
            assert sentence.offsets is not None
            for form, (start, end) in zip(sentence.tokens, sentence.offsets, strict=True):
                inside = any(start == sentence.offsets[m.start][0] for m in sentence.multiwords)
                assert inside or text[start:end] == form
    lines = ["Дечак је отишао у школу, а његова мајка га чека код куће.\n", "\n", "Она иде напоље.\n"]
    parts = every.with_languages(read_parts(lines, "a.txt", "text"))
    assert [part.language for part in parts] == ["serbian"] * 2
    (sentence,) = every.annotate("Дечак ће доћи.")
    assert (sentence.tokens[0], sentence.tags["lemma"]) == ("Дечак", ["dečak", "hteti", "doći", "."])
    assert every.language_of("Александар Вучић") == "serbian"
    lines = [f"{TEXTS['german']}\n", "\n", "Александар Вучић\n", "\n", "Ђ ist ein Buchstabe.\n"]
    parts = every.with_languages(read_parts(lines, "a.txt", "text"))
    assert [part.language for part in parts] == ["german", "serbian", "german"]
    assert every.language_of("Мальчик пошёл в школу, а мать ждёт его дома.") == "russian"
    text = f"{TEXTS['welsh']} {TEXTS['welsh']}\n\nLondon, Paris.\n\n{TEXTS['english']}\n"
    assert [s.language for s in every.annotate(text)] == ["welsh", "welsh", "welsh", "english"]
    assert every.language_of("วันที่ ๑๒ มีนาคม ๒๕๖๗ เวลา ๑๕:๓๐ น.") == "thai"


def test_a_paragraph_in_another_script_has_a_language_of_its_script(every: Languages) -> None:
    for document, paragraph, language in (
        ("german", "他昨天买了一本新书。", "chinese"),
        ("german", "私は東京に住んでいます。", "japanese"),
        ("german", "Я живу в Berlin.", "russian"),
        ("german", "Γεια", "greek"),
        ("german", "α, ½, Ⅳ", "german"),
        ("german", "5 µm", "german"),
        ("german", f"李明: {TEXTS['english']}", "english"),
        ("german", "Das Wort 你好 kennt jeder.", "german"),
        ("german", "https://de.wikipedia.org/wiki/Москва https://zh.wikipedia.org/wiki/中文", "german"),
        ("german", "иван@пример.рф @Иван @小明", "german"),
        ("german", "Der Film „Брат“ läuft.", "german"),
        ("german", "Він пʼє каву, а мʼяч лежить у дворі.", "ukrainian"),
        ("russian", TEXTS["uzbek"], "uzbek"),
        ("chinese", "ありがとうございます。", "japanese"),
        ("russian", "Windows 11", "english"),
        ("russian", "Новый Smartphone", "russian"),
        ("russian", "https://example.org/path anna@example.org", "russian"),
        ("russian", TEXTS["finnish"], "finnish"),
        ("german", "මගේ නම කමල්.", "german"),
    ):
        warnings: list[str] = []
        parts = read_parts([f"{TEXTS[document] * 2}\n", "\n", f"{paragraph}\n"], "a.txt", "text")
        assert [part.language for part in every.with_languages(parts, "a.txt", warnings.append)] == [document, language]
        assert any("is tagged as german" in line for line in warnings) == paragraph.startswith("මගේ")


@pytest.mark.parametrize(("document", "language"), dict.fromkeys(tuple(row[:2]) for row in FOREIGN))
def test_a_paragraph_in_another_script_has_its_own_language(every: Languages, document: str, language: str) -> None:
    own = Paragraph(0, " ".join([TEXTS[document]] * 40), True)
    others = [Paragraph(0, text, True) for *pair, text in FOREIGN if pair == [document, language]]
    assert len(others) == 10
    first, *found = (part.language for part in every.with_languages([own, *others]))
    assert first == document
    assert {part.text: name for part, name in zip(others, found, strict=True)} == {p.text: language for p in others}


def test_short_texts_and_short_paragraphs_have_the_likeliest_language(every: Languages) -> None:
    found = {text: every.language_of(text) for text in SHORT}
    assert {text: language for text, language in found.items() if language not in SHORT[text]} == {}
    mixed = {"Hast du schon gegessen?": "german", "¿Has comido ya?": "spanish", "Gdzie jest dworzec?": "polish"}
    odd = {TEXTS["german"]: "german", "Onde fica a estação?": "portuguese", "Gdzie jest dworzec?": "polish"}
    odd |= dict.fromkeys(("Giuseppe Verdi", "Angela Merkel", "Ja"), "german")
    for texts in (mixed, odd):
        parts = [Paragraph(0, text, True) for text in texts]
        assert [part.language for part in every.with_languages(parts)] == [*texts.values()]


def test_a_guess_and_a_doubt_are_said() -> None:
    lines: list[str] = []
    every = Languages("cpu", notice=lines.append)
    for text in ("Eu te amo", TEXTS["german"], "Eu te amo", "1,50"):
        every.annotate(text)
    first, *others = lines
    assert first == "language: portuguese, a guess (the text)"
    assert others == ["language: german (the text)", "language: english, a guess (the text)"]
    quiet, warnings = Languages("cpu"), list[str]()
    for text in ("Eu te amo", TEXTS["german"]):
        list(quiet.with_languages([Paragraph(0, text, True)], "a.txt", warnings.append))
    assert warnings == ["language: portuguese, a guess"]
    lines: list[str] = []
    every = Languages("cpu", notice=lines.append)
    found = every.annotate(f"{TEXTS['german'] * 4}\n\n{BASQUE}\n\n{BASQUE}\n\n{TEXTS['welsh']}\n")
    assert list(dict.fromkeys(s.language for s in found)) == ["german", "welsh"]
    (doubt,) = (line for line in lines if "Haurrak" in line)
    assert doubt.endswith("looks like a language that is not there; it is tagged as german")


@pytest.mark.parametrize("name", ["english", "german", "welsh", "chinese"])
def test_an_empty_token_has_tags_and_probabilities(name: str) -> None:
    for tokens in ([""], ["a", "", "b"]):
        (sentence,) = load(name, "cpu").stream([Sentence(tokens)], probabilities=True, top=2)
        for column, shares in sentence.probabilities.items():
            assert all(0 <= share <= 1 for share in shares), column
            assert all(len(pairs) == 2 or column == "lemma" for pairs in sentence.alternatives[column])
        assert "SYM" not in sentence.tags["upos"]
        assert sentence.tags["lemma"][tokens.index("")] == ""


def test_words_of_a_multiword_token_are_those_of_the_text_as_it_is_written() -> None:
    (sentence,) = load("italian", "cpu").annotate("La casa dell’amico e dell'arte.")
    assert sentence.tokens == ["La", "casa", "di", "l’", "amico", "e", "di", "l'", "arte", "."]
    assert [each.form for each in sentence.multiwords] == ["dell’", "dell'"]


def test_sentences_of_a_call_are_looked_at_together_in_a_copy_too(every: Languages) -> None:
    welsh, english = [["Mae", "hen", "wlad", "fy", "nhadau"], ["London", "Paris"]], ["They", "book", "flights", "."]
    tags = load("welsh", "cpu").tag_sentences(welsh)
    assert every.tag_sentences(welsh) == tags
    assert every.tag(english) == ["PRON", "VERB", "NOUN", "PUNCT"]
    assert every.tag(english, "lemma") == ["they", "book", "flight", "."]
    assert every.tag(["1", "½"]) == load("english", "cpu").tag(["1", "½"])
    assert every.tag_sentences([]) == []
    with pytest.raises(InputError, match="no column 'ner'"):
        every.tag(["They"], "ner")
    given = [Sentence([]), Sentence(welsh[0], {"xpos": ["GOLD"] * 5}, language="welsh"), Sentence(english)]
    found = list(every.stream(given, probabilities=True, top=2))
    assert [s.language for s in found] == ["english", "welsh", "english"]
    assert list(map(id, given)) == list(map(id, found))
    assert found[1].tags["upos"] == tags[0]
    assert "GOLD" not in found[1].tags["xpos"]
    assert set(found[0].tags) == set(COLUMNS)
    assert every.language_of(TEXTS["welsh"]) == "welsh"
    copy = pickle.loads(pickle.dumps(every))
    assert not copy._loaded
    assert copy.tag(["They", "book", "flights", "."]) == ["PRON", "VERB", "NOUN", "PUNCT"]


def test_a_language_that_is_not_there_is_refused(every: Languages) -> None:
    for call in (every.annotate, lambda text: every.tag(text.split())):
        with pytest.raises(InputError, match=r"looks most like (\w+), but few of its words .*; if it is \1, name"):
            call(BASQUE)
    for text in ("මගේ නම කමල්.", "ສະບາຍດີ", "ᎣᏏᏲ"):
        with pytest.raises(InputError, match=r"the text: no tagger .* for the script of"):
            every.annotate(text)
    few = tagger.load(device="cpu")
    few.languages = ["english", "german"]
    with pytest.raises(InputError, match=r'looks like Welsh; no tagger of .* name it: load\("(en|de)"\)'):
        few.annotate(TEXTS["welsh"])
    few.languages = ["portuguese", "persian"]
    with pytest.raises(InputError, match=r'looks like Arabic; no tagger .* if it is Persian, name it: load\("fa"\)'):
        few.annotate("لعب الأطفال في الحديقة عندما عادت أمهم من العمل مساء أمس.")
    with pytest.raises(InputError, match="tags can be kept in one language alone"):
        every.stream([], keep=True)
    with pytest.raises(InputError, match="cache_size, corpus and lexicons need one tagger; name it"):
        tagger.load(None, "cpu", "auto", 20_000)
    with pytest.raises(InputError, match="segmenter 'learned': all languages together have auto, english, unicode"):
        tagger.load(segmenter="learned")


def test_what_a_file_says_of_its_language_or_in_a_column_that_that_lacks_counts(every: Languages) -> None:
    lines = [json.dumps({"text": "Hallo Berlin", "language": name}) + "\n" for name in ("pt-BR", "german", 5, "xx")]
    parts = list(every.with_languages(read_parts(lines[:3], "a.jsonl", "jsonl")))
    assert [part.language for part in parts] == ["portuguese", "german", every.language_of("Hallo Berlin")]
    with pytest.raises(InputError, match=r"^a\.jsonl, line 4: xx: no tagger of this language"):
        list(every.with_languages(read_parts(lines, "a.jsonl", "jsonl"), "a.jsonl"))
    lines = ["1\tEles\t_\t_\tPRN\t_\t_\t_\t_\t_\n", "2\treservam\t_\t_\tVRB\t_\t_\t_\t_\t_\n", "\n"]
    (sentence,) = every.stream(read(lines, "pt.conllu", "conllu"), probabilities=True, top=2)
    assert (sentence.language, sentence.tags["upos"]) == ("portuguese", ["PRON", "VERB"])
    assert sentence.tags["xpos"] == ["PRN", "VRB"]
    written = writer("conllu", every.columns, probabilities=True, top=2)(sentence)
    assert "PRN\t" in written
    assert "UposProb=" in written
    assert "Xpos" not in written
    table = writer("tsv", every.columns, probabilities=True)(sentence).splitlines()
    assert table[0].split("\t")[3:5] == ["PRN", "_"]


def test_a_tagger_is_loaded_while_others_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    every, english = Languages("cpu"), ["They", "book", "flights"]
    expected = every.tag(english)
    found: list[list[str]] = []
    real = languages.Bundle.load

    def load_slowly(folder: Path) -> Bundle:
        other = threading.Thread(target=lambda: found.append(every.tag(english)))
        other.start()
        other.join(20)
        return real(folder)

    monkeypatch.setattr(languages.Bundle, "load", load_slowly)
    every.of("welsh")
    assert found == [expected]


def test_taggers_stay_in_memory_while_they_fit(every: Languages, monkeypatch: pytest.MonkeyPatch) -> None:
    few = Languages("cpu", max_bytes=sum(every.of(name).nbytes for name in ("english", "welsh", "german")))
    loaded: list[str] = []
    collected: list[int] = []
    real = languages.Bundle.load
    monkeypatch.setattr(languages.Bundle, "load", lambda folder: (loaded.append(folder.name), real(folder))[1])
    monkeypatch.setattr(languages.gc, "collect", lambda: collected.append(len(loaded)))
    for name in ("welsh", "german", "english", "welsh", "turkish"):
        few.of(name)
    assert loaded == ["welsh", "german", "english", "turkish"]
    few.of("welsh")
    few.of("german")  # the one whose last use was longest ago
    assert loaded[4:] == ["german"]
    first = weakref.ref(few.of("welsh"))
    for name in THERE[3:15]:
        few.of(name)
    assert 0 < len(collected) < len(loaded) - 4
    monkeypatch.undo()
    gc.collect()
    assert first() is None


def test_workers_give_the_same_sentences_back() -> None:
    several = tagger.load(device="cpu", workers=2)
    try:
        given = [Sentence(TEXTS["english"].split()) for _ in range(1600)]
        found = list(several.stream(given, columns=["upos"]))
        assert all(a is b and a.tags["upos"] == found[0].tags["upos"] for a, b in zip(given, found, strict=True))
    finally:
        several.close()


def test_names_codes_scripts_and_licences_of_languages() -> None:
    named = {"EN": "english", "English": "english", "cy": "welsh", "deu": "german", "GER": "german"}
    named |= {"pt-BR": "portuguese", "pt_PT": "portuguese", "por": "portuguese", "zh-Hans-CN": "chinese"}
    named |= {"Deutsch": "german", "Tiếng Việt": "vietnamese", "bahasa indonesia": "indonesian"}
    named |= {"Franc\u0327ais": "french", "БЕЛАРУСКАЯ": "belarusian", "汉语": "chinese"}
    assert {name: find_language(name) for name in named} == named
    rows = language_table().values()
    words = [word for row in rows for word in {row.name, *row.codes, *row.long_codes, *row.own_names}]
    assert len(words) == len(languages_by_word())  # no word stands for two languages
    assert [languages_by_word()[code].codes[0] for code in ("dan", "nob", "ara", "hin")] == ["da", "no", "ar", "hi"]
    assert all(row.codes and row.scripts and row.writers >= 0 for row in rows)
    assert find_tagger("cy") == find_tagger("welsh") == bundled("data") / "welsh"
    with pytest.raises(InputError, match=r"englsh: .*; did you mean english\? python -m tagger models lists"):
        find_language("englsh")
    with pytest.raises(InputError, match=r"bulgarian: .*; python -m tagger models lists"):  # not hungarian
        find_language("bulgarian")
    for name in bundled_languages():
        with gzip.open(bundled_folders()[name] / "vocabulary.json.gz") as file:
            words = json.load(file)["vocabularies"][0]["words"]
        letters = Counter(script_of(each) for each in "".join(words) if each.isalpha() and not "ʰ" <= each <= "˿")
        found = {script for script, count in letters.items() if count > letters.total() / 10}
        assert language_table()[name].scripts == found | ({"CYRILLIC"} if name == "serbian" else set()), name
    more = {row.name for row in rows if row.more}
    assert {path.parent.name for path in bundled("data").glob(f"{MORE}/*/config.json")} == more
    notice = (bundled("data") / "NOTICE.md").read_text(encoding="utf-8")
    size = (bundled("data") / IDENTIFIER).stat().st_size
    for name, folder in bundled_folders().items():
        size += 0 if name in more else folder_bytes(folder)
        card, license_, config = ((folder / f).read_text("utf-8") for f in ("README.md", "LICENSE", "config.json"))
        assert json.loads(config)["license"] == "CC BY-SA 4.0", name
        assert "ShareAlike" in license_, name
        for word in ("NonCommercial", "BY-NC", "NC-SA", "LGPL"):
            assert word.lower() not in card.lower() + config.lower(), name
        for corpus in json.loads(config)["corpus"].split(" + "):
            assert corpus in card, name
            assert corpus in notice, name
    assert size < 95_000_000  # a wheel of 100 MB is the most that the package index takes


def test_words_are_runs_of_letters_their_pieces_know_borders_and_scores_are_sums() -> None:
    assert list(words_of("Dw i'n dod o Loegr, 25 oed!")) == ["dw", "i'n", "dod", "o", "loegr", "oed"]
    assert list(words_of("我们看東西")) == ["我们", "看東", "西"]
    assert list(words_of("Hallo @anna_b你好, https://x.org/das-Haus?a=b我 www.haus.de")) == ["hallo", "你好", "我"]
    assert [len(word) for word in words_of("a" * 100)] == [MAX_WORD]
    assert list(words_of("an anna.b@x-y.org: ja; 12:30 — …")) == ["an", "ja"]
    assert list(words_of("@小明, www.x.org/東京?q=Москва ja")) == ["ja"]
    assert list(words_of("हिन्दी में जी-मेल है।")) == ["हिन्दी", "में", "जी-मेल", "है"]
    assert len(pieces_of("ab", 8192)) == 3 + 3 + 2 + 1 + 1  # without the first border alone; and the word itself
    assert pieces_of("ab", 8192) != pieces_of("ba", 8192)
    assert set(pieces_of("word", 7)) <= set(range(7))
    assert pieces_of("\ud800", 8192)  # a lone surrogate
    weights = np.random.default_rng(1).normal(size=(64, 3)).astype(np.float32)
    identifier = Identifier(["english", "welsh", "german"], weights, np.array([0.5, 0, 0], dtype=np.float32))
    expected = identifier._bias + weights[pieces_of("hen", 64) + pieces_of("wlad", 64)].sum(axis=0)
    np.testing.assert_allclose(identifier.scores(["hen", "wlad"]), expected, rtol=1e-4)
    np.testing.assert_allclose(identifier.scores([]), [0.5, 0, 0])


def test_a_user_says_how_much_memory_the_taggers_of_all_languages_may_take() -> None:
    assert tagger.load(max_bytes=1_000)._max_bytes == 1_000
    assert of_megabytes(300) == 300_000_000
    with pytest.raises(InputError, match="max_bytes is for all languages together; leave it out with 'welsh'"):
        tagger.load("welsh", max_bytes=1_000)  # type: ignore[call-overload]


@pytest.mark.parametrize(("pages", "expected"), [(1 << 18, 250_000_000), (1 << 23, 400_000_000), (None, 250_000_000)])
def test_taggers_may_take_a_share_of_the_memory(
    pages: int | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sysconf(name: str) -> int:
        if pages is None:
            raise ValueError(name)
        return {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": pages}[name]

    monkeypatch.setattr(languages.os, "sysconf", sysconf)
    assert languages.bytes_of_taggers() == expected


def test_a_tagger_of_all_languages_knows_its_own(every: Languages) -> None:
    assert every.of("en")(["They", "walk"])[0].language == "english"


BURMESE = "မြန်မာဘာသာ"


def test_a_refused_text_has_a_number_and_the_others_are_not_lost(every: Languages) -> None:
    texts = ["They book flights.", BURMESE, "They sleep."]
    found = []
    with pytest.raises(InputError, match=r"^text 2: .*script.*train one.*; skip_refused=True goes on$"):
        found.extend(every.pipe(texts))
    assert [document.text for document in found] == texts[:1]
    with pytest.raises(InputError, match=r"^text 1: .*goes on$"):
        next(every.pipe([BURMESE * 5000, texts[0]]))  # a group of its own
    found = list(every.pipe(texts, skip_refused=True))
    assert [(document.text, len(document)) for document in found] == [(texts[0], 1), (BURMESE, 0), (texts[2], 1)]
    assert [document.refused is None for document in found] == [True, False, True]
    with pytest.raises(InputError, match=r"^the text: [^;]*; train one, and name it with --model$"):
        every(BURMESE)
    served = Languages("cpu", without="there is none")
    with pytest.raises(InputError, match=r"there is none$"):
        served(BURMESE)
    with pytest.raises(InputError, match="a text, and None is none"):
        every.find(None)  # type: ignore[arg-type]


def test_a_sentence_knows_whether_its_language_is_a_guess(every: Languages) -> None:
    assert [sentence.is_guess for sentence in every("Hallo")] == [True]
    assert [sentence.is_guess for sentence in every("Die Katze schläft den ganzen Tag auf dem Balkon.")] == [False]
    mixed = "I love Berlin. Ich liebe Berlin auch. J'adore Paris aussi."
    assert {sentence.is_guess for sentence in every(mixed)} == {True}
    assert {sentence.is_guess for sentence in every("Die Katze schläft. Der Hund bellt.")} == {False}


def test_what_a_sentence_says_of_its_language_follows_the_tagger(every: Languages) -> None:
    block = "# language = zulu\n1\tKatze" + "\t_" * 8 + "\n\n"
    for each in (every.of("german"), every):
        for sentence in each.with_languages(read_parts([*block.splitlines(True)], "a", "conllu")):
            assert isinstance(sentence, Sentence)
            assert sentence.to_conllu().startswith(f"# language = {sentence.language}\n")
            assert sentence.to_conllu().count("# language") == 1
    line = json.dumps({"tokens": ["Katze"], "language": "zulu"})
    (sentence,) = every.of("german").with_languages(read_parts([line], "a", "jsonl"))
    assert sentence.language == "german"
