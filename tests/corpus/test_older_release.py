"""Older releases of Universal Dependencies on the Hub: where their text has spaces, as CoNLL-U says it."""

from pathlib import Path

from datasets import ClassLabel, Dataset, Features, List, Value

from tagger.corpus.hub_corpus import Row, multiword_tokens
from tagger.corpus.splits import gold_sentences
from tagger.text.sentence import MultiwordToken
from tagger.text.spacing import gold_paragraphs
from tests.corpus.conftest import conllu, parquet_folder, ud

UPOS = ["NOUN", "PUNCT", "ADP", "DET", "PRON", "_", "INTJ", "VERB"]
TREEBANK = """\
# sent_id = 1
# text = Vas-y au  lac du mois!
1-2\tVas-y\t_\t_\t_\t_\t_\t_\t_\t_
1\tVas\t_\tVERB\t_\t_\t0\troot\t_\t_
2\ty\t_\tPRON\t_\t_\t1\tobl\t_\t_
2.1\tva\t_\tVERB\t_\t_\t_\t_\t_\t_
3-4\tau\t_\t_\t_\t_\t_\t_\t_\t_
3\tà\t_\tADP\t_\t_\t5\tcase\t_\t_
4\tle\t_\tDET\t_\t_\t5\tdet\t_\t_
5\tlac\t_\tNOUN\t_\t_\t1\tobl\t_\t_
6-7\tdu\t_\t_\t_\t_\t_\t_\t_\t_
6\tde\t_\tADP\t_\t_\t8\tcase\t_\t_
7\tle\t_\tDET\t_\t_\t8\tdet\t_\t_
8\tmois\t_\tNOUN\t_\t_\t5\tnmod\t_\tSpaceAfter=No
9\t!\t_\tPUNCT\t_\t_\t1\tpunct\t_\tA=B|SpaceAfter=No

# text = Dis-le
1-2\tDis-le\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
1\tDis\t_\tVERB\t_\t_\t0\troot\t_\t_
2\tle\t_\tPRON\t_\t_\t1\tobj\t_\t_

# text = Oui
1\tOui\t_\tINTJ\t_\t_\t0\troot\t_\t_

"""


def as_dict(cell: str) -> str:
    return "None" if cell == "_" else str(dict(pair.split("=") for pair in cell.split("|")))


def older(folder: Path, text: str) -> str:
    """A data set like the older release, made from CoNLL-U."""
    columns: dict[str, list[object]] = {name: [] for name in ("text", "tokens", "upos", "head", "misc")}
    for block in text.split("\n\n"):
        lines = block.splitlines()
        rows = [line.split("\t") for line in lines if line[0] != "#"]
        if rows:
            columns["text"] += [line.removeprefix("# text = ") for line in lines if line.startswith("# text = ")]
            columns["tokens"].append([row[1] for row in rows])
            columns["upos"].append([row[3] for row in rows])
            columns["head"].append(["None" if row[6] == "_" else row[6] for row in rows])
            columns["misc"].append([as_dict(row[9]) for row in rows])
    strings = {name: List(Value("string")) for name in ("tokens", "head", "misc")}
    features = Features({**strings, "text": Value("string"), "upos": List(ClassLabel(names=UPOS))})
    data = Dataset.from_dict(columns, features)
    return parquet_folder(folder, {"train": data, "dev": data})


def test_the_text_is_that_of_conllu(tmp_path: Path) -> None:
    (tmp_path / "gold.conllu").write_text(TREEBANK, encoding="utf-8")
    file = str(tmp_path / "gold.conllu")
    splits = conllu(["upos"], train=file, dev=file).splits
    found = ud(["upos"], name=older(tmp_path / "ud", TREEBANK), treebank="en_tiny").splits
    assert found["dev"]["tokens"][:] == splits["dev"]["tokens"][:]
    expected, same = (list(gold_paragraphs(gold_sentences(each["dev"], ["upos"]))) for each in (splits, found))
    assert [(p.text, p.tokens) for p in same] == [(p.text, p.tokens) for p in expected]


def rows(*forms: str) -> list[Row]:
    """Words; a multiword token ends with `+`."""
    return [Row(form.removesuffix("+"), None, not form.endswith("+")) for form in forms]


def test_a_multiword_token_has_the_words_that_are_not_in_the_text() -> None:
    assert multiword_tokens(rows("ab+", "a", "x", "y", "b"), "ab b") == [MultiwordToken(0, 3, "ab")]
    assert multiword_tokens(rows("ab+", "a", "b", "cd+", "c", "d"), "abcd") == [
        MultiwordToken(0, 2, "ab"),
        MultiwordToken(2, 4, "cd"),
    ]
    assert multiword_tokens(rows("a b", "c"), " a b\u00a0c ") == []
    for forms, text in (
        (["a", "b"], "a c"),
        (["a"], "a b"),
        (["ab+", "a", "b", "c"], "ab d"),
    ):  # which they do not spell
        assert multiword_tokens(rows(*forms), text) is None
