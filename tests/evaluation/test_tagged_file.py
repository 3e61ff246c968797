"""The first difference of a tagged file is an error with its line."""

import pytest

from tagger.errors import InputError
from tagger.evaluation.compare import same_sentences
from tagger.text.readers import read

GOLD = [["They", "do", "n't", "go"], ["Yes"]]
CONLLU = """\
# sent_id = 1
1\tThey\t_\tX\t_\t_\t_\t_\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\t_\tX\t_\t_\t_\t_\t_\t_
3\tn't\t_\tX\t_\t_\t_\t_\t_\t_
4\tgo\t_\tX\t_\t_\t_\t_\t_\t_

# a comment alone

1\tYes\t_\tX\t_\t_\t_\t_\t_\t_

"""
TSV = "They X\ndo X\nn't X\ngo X\n\n\nYes X\n\n"
SLASH = "They/X do/X n't/X go/X\n\nYes/X\n"


def found(text: str, format: str, gold: list[list[str]] = GOLD) -> list[list[str]]:
    sentences = read(text.splitlines(keepends=True), "a", format, columns={"upos": 1})
    return [sentence.tokens for sentence in same_sentences(sentences, gold, "a", format, "g")]


@pytest.mark.parametrize(("text", "format"), [(CONLLU, "conllu"), (TSV, "tsv"), (SLASH, "slash")])
def test_the_same_sentences(text: str, format: str) -> None:
    assert found(text, format) == GOLD
    assert found(text.removesuffix("\n"), format) == GOLD


@pytest.mark.parametrize(
    ("text", "format", "old", "new", "message"),
    [
        (CONLLU, "conllu", "\tn't\t", "\tnot\t", "a, line 5: 'not' where g has \"n't\", in sentence 1, word 3;"),
        (CONLLU, "conllu", "Yes", "No", "a, line 10: 'No' where g has 'Yes', in sentence 2, word 1;"),
        (CONLLU, "conllu", CONLLU[CONLLU.index("4\tgo") :][:20], "", "a, line 6: the sentence ends where g has 'go'"),
        (TSV, "tsv", "Yes X\n", "Yes X\nindeed X\n", "a, line 8: 'indeed' where g ends the sentence, in sentence 2"),
        (TSV, "tsv", "Yes X\n", "Yes X\n\nNo X\n", "a, line 9: 'No' where g has ended"),
        (TSV, "tsv", "do X", "did X", "a, line 2: 'did' where g has 'do'"),
        (TSV, "tsv", "Yes X\n\n", "", "a, line 7: the file ends after sentence 1, and g goes on with 'Yes'"),
        (CONLLU, "conllu", CONLLU[CONLLU.index("1\tYes") :], "", "a, line 10: the file ends after sentence 1"),
        (SLASH, "slash", "Yes", "No", "a, line 3: 'No' where g has 'Yes'"),
    ],
)
def test_the_first_difference(text: str, format: str, old: str, new: str, message: str) -> None:
    assert text.count(old) == 1
    with pytest.raises(InputError) as error:
        found(text.replace(old, new), format)
    assert str(error.value).startswith(message)
    assert str(error.value).endswith("a tagged file must have the sentences and words of the gold file")
