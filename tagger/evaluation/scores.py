"""A tagger and a split of a corpus -> its scores, and the files of a run that show its errors."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.evaluation import metrics
from tagger.evaluation.metrics import Scored
from tagger.evaluation.plots import draw_confusions, draw_reliability
from tagger.evaluation.raw_scores import raw_scores
from tagger.evaluation.report_page import WordError, errors_of
from tagger.tagging.tagger import Tagger
from tagger.text.conllu import write_conllu
from tagger.text.output_files import whole_file
from tagger.text.paragraphs import Paragraph, cut_parts
from tagger.text.sentence import MultiwordToken, Sentence
from tagger.text.spacing import gold_paragraphs
from tagger.text.strings import encodable

if TYPE_CHECKING:
    from datasets import Dataset


def score_split(tagger: Tagger, split: "Dataset") -> dict[str, dict[str, Any]]:
    """The scores of a split; see `metrics.report`."""
    return metrics.report(_scored(tagger, split), tagger.vocabulary)


def calibrations(tagger: Tagger, split: "Dataset") -> dict[str, dict[str, Any]]:
    """How far the probabilities of a tagger and its accuracy on a split are apart in each column with gold tags."""
    found = metrics.count(_scored(tagger, split), tagger.vocabulary)
    return {column: calibration for column, scores in found.items() if (calibration := scores.calibration())}


def draw_calibration(results: Mapping[str, Any], title: str, folder: Path) -> None:
    """Draws `reliability.png`, or `reliability_COLUMN.png` for each of several columns."""
    columns = list(dict.fromkeys(column for found in results["after"].values() for column in found))
    for column in columns:
        name = "reliability.png" if len(columns) == 1 else f"reliability_{column}.png"
        about = f"{title}, {column}: accuracy against confidence, before and after the temperature"
        shown = f"{about} {results['temperatures'][column]:g}"
        draw_reliability(results["before"], results["after"], column, shown, folder / name)


def _scored(tagger: Tagger, split: "Dataset") -> Iterator[Scored]:
    for tagged, gold in tagger.retag(sentences_of(split, columns_of(split, tagger))):
        yield Scored(tagged.tokens, gold, tagged.tags, tagged.probabilities)


def report_dev(
    tagger: Tagger, split: "Dataset", title: str, folder: Path
) -> tuple[dict[str, dict[str, Any]], list[WordError]]:
    """Scores the dev split of a corpus that has the tagger's columns, and writes the files that show its errors.

    They are `dev.predicted.conllu`, `errors.tsv` (sentence, word, column, gold, tag, confidence) and `confusion.png`
    (`confusion_COLUMN.png` if there are several columns).

    Returns:
        The scores, see `metrics.report`; and the errors.
    """
    scored: list[Scored] = []
    errors: list[WordError] = []
    with whole_file(folder / "dev.predicted.conllu") as predicted:
        for number, (sentence, gold) in enumerate(tagger.retag(sentences_of(split, columns_of(split, tagger))), 1):
            predicted.write(write_conllu(sentence))
            scored.append(Scored(sentence.tokens, gold, sentence.tags, sentence.probabilities))
            errors += errors_of(sentence, gold, number)
    with whole_file(folder / "errors.tsv") as out:
        out.write("sentence\tword\tcolumn\tgold\ttag\tconfidence\n")
        for error in errors:
            cells = (error.sentence, error.word, error.column, error.gold, error.predicted)
            out.write(encodable("\t".join(" ".join(c.split()) for c in cells)) + f"\t{error.confidence:.4f}\n")
    scores = metrics.report(scored, tagger.vocabulary)
    for column, values in scores.items():
        name = "confusion.png" if len(scores) == 1 else f"confusion_{column}.png"
        draw_confusions(values, f"{title}, {column}: gold tag against predicted tag", folder / name)
    return scores, errors


def columns_of(split: "Dataset", tagger: Tagger) -> list[str]:
    """The columns of a tagger that a split of a corpus has."""
    return [column for column in tagger.columns if column in split.column_names]


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


def score_raw(tagger: Tagger, split: "Dataset") -> dict[str, float]:
    """The F1 scores, in [0, 1], of a tagger on the raw text of a split, by name; see `raw_scores`.

    Args:
        tagger: takes text.
        split: of a corpus; sentences of which it is not known where their text has spaces are left out.
    """
    gold = list(gold_paragraphs(sentences_of(split, columns_of(split, tagger)), skip=True))
    found = cut_parts((Paragraph(0, paragraph.text, True) for paragraph in gold), tagger.cuts_of)
    scores = raw_scores((sentence for paragraph in gold for sentence in paragraph.sentences), tagger.stream(found))
    return {name: score.f1 for name, score in scores.items()}
