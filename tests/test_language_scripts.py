"""The scripts in `docs` that make the taggers of languages: what they wrote is there, and words that they make up."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tagger.tagging.identify import Identifier

ROOT = Path(__file__).parents[1]
TALO = [["talo", "talon", "talossa"], ["kirja", "kirjan", "kirjat", "kirjalla"], ["Helsinki"]]


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import language_text
    import languages

    yield languages, language_text
    for name in ("languages", "language_text", "language_identifier", "language_speed"):
        sys.modules.pop(name, None)


def test_pages_have_the_scores_of_the_taggers_that_are_there(scripts: Any) -> None:
    languages, _ = scripts
    assert languages.results(languages.rows()) in (ROOT / "docs" / "languages.md").read_text(encoding="utf-8")
    assert languages.notice(languages.rows()) == (ROOT / "data" / "NOTICE.md").read_text(encoding="utf-8")


def test_made_up_words_have_the_endings_of_others(scripts: Any) -> None:
    _, text = scripts
    forms = {form for tokens in TALO for form in tokens}
    made = list(text.recombined(TALO, forms, 200, 1))
    new = {form for tokens in made for form in tokens} - forms
    assert new
    assert new <= {"talot", "talolla", "kirjassa"}
    assert all(len(tokens) in (3, 4) for tokens in made)
    assert sum(map(len, made)) < 205
    assert made == list(text.recombined(TALO, forms, 200, 1))
    assert list(text.recombined([["他们", "在", "图书馆"]], {"他们", "在", "图书馆"}, 200, 1)) == []


def test_the_identifier_learns_from_the_train_split_and_the_own_text_of_each_row(
    scripts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    languages, _ = scripts
    import language_identifier as script

    monkeypatch.setattr(script, "STEPS", 20)
    read = []
    for name, words, texts in (("finnish", "talossa on", "fi.txt"), ("welsh", "mae hen wlad", "cy.txt fi.txt")):
        row = languages.Row(**{**script.ENGLISH._asdict(), "name": name, "corpora": f"UD_{name}", "text": texts})
        (tmp_path / row.corpora).mkdir()
        lines = "".join(f"{n}\t{word}" + "\t_" * 8 + "\n" for n, word in enumerate(words.split(), 1))
        (tmp_path / row.corpora / "x-train.conllu").write_text(f"{lines}\n", encoding="utf-8")
        (tmp_path / texts.split()[0]).write_text(f"{words[::-1]}\n", encoding="utf-8")
        read.append(script.train_texts(languages.Language(row, [tmp_path], tmp_path, tmp_path)))
    assert read == [[["talossa", "on"], ["no", "assolat"]], [["mae", "hen", "wlad"], ["dalw", "neh", "eam"]]]
    identifier = Identifier(["finnish", "welsh"], *script.fit(read))
    assert [identifier.languages[identifier.scores([word]).argmax()] for word in ("talossa", "wlad")] == [
        "finnish",
        "welsh",
    ]


def test_train_of_an_older_release_gets_the_tags_that_dev_has(
    scripts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    languages, _ = scripts
    sentence = "# text = wlad\n1-2\tx\t_\t_\t_\t_\t_\t_\t_\t_\n1\twlad\tgwlad\tNOUN\tn\tCase=Old\t_\t_\t_\t_\n\n"
    (tmp_path / "UD_Welsh-CCG").mkdir()
    for split, count in (("train", 3), ("dev", 10), ("test", 1)):
        (tmp_path / "UD_Welsh-CCG" / f"cy-{split}.conllu").write_text(sentence * count, encoding="utf-8")
    welsh = next(row for row in languages.rows() if row.name == "welsh")
    made = languages.Language(welsh._replace(dev="newer"), [tmp_path], tmp_path, tmp_path / "work")
    made.join()
    assert made.taught == [made.newer, made.older]
    assert sorted(path.name for path in made.older.iterdir()) == ["welsh-train.conllu"]
    assert (made.newer / "welsh-train.conllu").read_text() == sentence * 8
    assert (made.newer / "welsh-dev.conllu").read_text() == sentence * 2

    def tag(command: list[str], check: bool) -> None:
        blank = Path(command[command.index("tag") + 1]).read_text(encoding="utf-8")
        assert blank == sentence.replace("NOUN", "_").replace("Case=Old", "_") * 3
        assert "--keep" in command
        assert command[-2:] == ["--corpus", "UD_Welsh-CCG-newer"]
        Path(command[command.index("-o") + 1]).write_text(blank, encoding="utf-8")

    monkeypatch.setattr(languages.subprocess, "run", tag)
    made.renew()
    made.renew()  # nothing is done again
    assert (made.primary / "welsh-train.conllu").read_text().count("Case=Old") == 8
    assert (made.primary / "welsh-train.conllu").read_text().count("gwlad") == 11
    assert (made.primary / "welsh-test.conllu").read_text() == sentence
