"""A tagger and a split of a corpus -> its scores, and the files of a run that show its errors."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.evaluation import metrics
from tagger.evaluation.figures import draw_confusions
from tagger.evaluation.metrics import Scored
from tagger.text.characters import encodable
from tagger.text.conllu import write_conllu
from tagger.text.gold_tags import is_annotated
from tagger.text.output_files import whole_file
from tagger.text.sentence import MultiwordToken, Sentence

if TYPE_CHECKING:
    from datasets import Dataset

    from tagger.tagging.tagger import Tagger


def score_split(tagger: "Tagger", split: "Dataset") -> dict[str, dict[str, Any]]:
    """The scores of a split; see `metrics.report`."""
    return metrics.report(
        (
            Scored(tagged.tokens, gold, tagged.tags)
            for tagged, gold in tagger.retag(sentences_of(split, tagger.columns))
        ),
        tagger.vocabulary,
    )


def report_dev(tagger: "Tagger", split: "Dataset", title: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Scores the dev split and writes the files that show its errors.

    Args:
        tagger: the tagger to score.
        split: of a corpus that has the tagger's columns.
        title: the title of the pictures.
        folder: gets `dev.predicted.conllu`, `errors.tsv` (sentence, word, column, gold, tag, confidence) and
            `confusion.png` (`confusion_COLUMN.png` if there are several columns).

    Returns:
        The scores; see `metrics.report`.

    Raises:
        InputError: a file cannot be written; or as `metrics.report`.
    """
    scored = []
    with whole_file(folder / "dev.predicted.conllu") as predicted, whole_file(folder / "errors.tsv") as errors:
        errors.write("sentence\tword\tcolumn\tgold\ttag\tconfidence\n")
        for number, (sentence, gold) in enumerate(tagger.retag(sentences_of(split, tagger.columns)), 1):
            predicted.write(write_conllu(sentence))
            scored.append(Scored(sentence.tokens, gold, sentence.tags))
            name = sentence.name or str(number)
            for column, i in _wrong(sentence, gold):
                cells = (sentence.tokens[i], column, gold[column][i], sentence.tags[column][i])
                confidence = sentence.probabilities[column][i]
                errors.write(
                    encodable("\t".join(" ".join(c.split()) for c in (name, *cells))) + f"\t{confidence:.4f}\n"
                )
    scores = metrics.report(scored, tagger.vocabulary)
    for column, values in scores.items():
        name = "confusion.png" if len(scores) == 1 else f"confusion_{column}.png"
        draw_confusions(values, f"{title}, {column}: gold tag against predicted tag", folder / name)
    return scores


def sentences_of(split: "Dataset", columns: Iterable[str]) -> Iterator[Sentence]:
    """The rows of a split of a corpus as sentences with the tags of these columns."""
    columns = list(columns)
    for row in split:
        yield Sentence(
            row["tokens"],
            {column: row[column] for column in columns},
            text=row["text"],
            comments=row["comments"],
            multiwords=[MultiwordToken(**token) for token in row["multiwords"]],
            space_after=row["space_after"],
        )


def _wrong(sentence: Sentence, gold: dict[str, list[str]]) -> Iterator[tuple[str, int]]:
    for column, tags in gold.items():
        for i, tag in enumerate(tags):
            if tag != sentence.tags[column][i] and is_annotated(column, tag, sentence.tokens[i]):
                yield column, i
