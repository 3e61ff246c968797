"""CoNLL-U files as sentences with lines: every word has the line that it stands in."""

import gzip
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.extras.lint.lined import corpus_files, read_lined

TRICKY = """\
# newdoc id = a
# sent_id = 1
1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tdo\tdo\tAUX\tVBP\t_\t0\troot\t_\t_
2\tn't\tnot\tPART\tRB\t_\t1\tdep\t_\t_
2.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t1:dep\t_
3\twith\twith\tX\tIN\t_\t1\tdep\t_\t_
4\tout\t_\tX\tIN\t_\t3\tgoeswith\t_\tNote=goeswith

# a comment alone

# sent_id = 2
1\tYes\tyes\tINTJ\tUH\t_\t0\troot\t_\tNote=goeswith
"""


@pytest.mark.parametrize(("name", "ending"), [("a-dev.conllu", "\n"), ("a-dev.conllu.gz", "\r\n")])
def test_lines_of_words(tmp_path: Path, ending: str, name: str) -> None:
    data = TRICKY.replace("\n", ending).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    first, second = read_lined(corpus_files([str(tmp_path / name)]))
    assert (first.tokens, first.lines) == (["do", "n't", "with", "out"], [4, 5, 7, 8])
    assert first.tags["xpos"] == ["VBP", "RB", "IN", "IN"]
    assert (first.torn, first.split) == ({3}, "dev")
    assert (second.lines, second.torn) == ([13], frozenset())


def test_files_of_a_corpus(tmp_path: Path) -> None:
    for name in ("b-ud-train.conllu", "a-ud-train.conllu.gz", "a-ud-test.conllu", ".x-ud-dev.conllu", "other.conllu"):
        (tmp_path / name).write_bytes(b"")
    found = [(Path(file).name, split) for file, split in corpus_files([str(tmp_path)]).items()]
    assert found == [("a-ud-train.conllu.gz", "train"), ("b-ud-train.conllu", "train"), ("a-ud-test.conllu", "test")]
    names = ["other.conllu", "dev.conllu", "x_test.conllu", "latest.conllu"]
    assert list(corpus_files(names).values()) == ["train", "dev", "test", "train"]
    with pytest.raises(InputError, match="a is named twice"):
        corpus_files(["a", "a"])
