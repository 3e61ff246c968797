"""Gold and predicted tags -> a report: accuracies, the scores of each tag (by seqeval) and confusions."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from tagger.errors import InputError
from tagger.evaluation.calibration import Confidences
from tagger.model.vocabulary import Vocabulary
from tagger.text.spans import is_span_column
from tagger.text.strings import NO_TAG, is_annotated


class Scored(NamedTuple):
    """A sentence of N tokens with N gold tags and N predicted tags for each column."""

    tokens: Sequence[str]
    gold: Mapping[str, Sequence[str]]
    predicted: Mapping[str, Sequence[str]]
    probabilities: Mapping[str, Sequence[float]] = {}  # of the predicted tags, if they are known


def report(sentences: Iterable[Scored], vocabulary: Vocabulary) -> dict[str, dict[str, Any]]:
    """Scores every column of the vocabulary that has gold tags.

    Tokens without a gold tag are skipped, and so is a FEATS column without any features. A gold tag that the tagger
    does not know counts as an error. A lemma is right if it is the gold lemma; the tags of this column are the edit
    scripts from the words to their gold lemmas and to the predicted ones.

    Returns:
        For each column a dictionary; all shares are in [0, 1]:
        `tokens`, `accuracy`; `known` and `unknown`: the accuracy over forms that occur in training and that do not,
        None where there are none; `known_tokens` and `unknown_tokens`, their numbers; `sentences`;
        `whole_sentences`: the share of sentences without an error; `tags`: precision, recall, F1 and support of each
        tag; `spans`: the same for BIO spans, or None; `unseen_tags`: gold tags that the tagger does not know, with
        their counts; `confusions`: [gold, predicted, count], most frequent first; `calibration`: how far probability
        and accuracy are apart, see `Confidences.report`, or None if the probabilities are not known.

    Raises:
        InputError: no column has gold tags, or none of a column's gold tags is known to the tagger.
    """
    columns = {column: _ColumnScores(column, vocabulary) for column in vocabulary.columns}
    _count(sentences, columns)
    return {column: columns[column].report() for column in annotated_columns(columns, vocabulary)}


def calibrations(sentences: Iterable[Scored], vocabulary: Vocabulary) -> dict[str, dict[str, Any]]:
    """How far probability and accuracy are apart in each column that has gold tags; see `Confidences.report`.

    Raises:
        InputError: as `report`.
    """
    columns = {column: ColumnCounts(column, vocabulary) for column in vocabulary.columns}
    _count(sentences, columns)
    found = {column: columns[column].confidences.report() for column in annotated_columns(columns, vocabulary)}
    return {column: calibration for column, calibration in found.items() if calibration is not None}


def _count(sentences: Iterable[Scored], columns: Mapping[str, "ColumnCounts"]) -> None:
    for tokens, gold, predicted, probabilities in sentences:
        for column, counts in columns.items():
            if column in gold:
                counts.add(tokens, gold[column], predicted[column], probabilities.get(column))


def annotated_columns(columns: Mapping[str, "ColumnCounts"], vocabulary: Vocabulary) -> list[str]:
    """The columns that have gold tags: others than `_`.

    Args:
        columns: the counts of all sentences in each column of the vocabulary.
        vocabulary: the tagger's.

    Raises:
        InputError: there are none, or none of a column's gold tags is known to the tagger.
    """
    annotated = [column for column, counts in columns.items() if set(counts.gold_tags) - {NO_TAG}]
    for column in annotated:
        if not any(tag in vocabulary.tag_ids[column] for tag in columns[column].gold_tags):
            examples = ", ".join(sorted(columns[column].gold_tags)[:5])
            raise InputError(
                f"column {column}: none of its tags ({examples}, …) is known to the tagger; is it the right column?"
            )
    if not annotated:
        raise InputError(
            f"no gold tags in any of the columns {', '.join(vocabulary.columns)}; give a file that has gold tags"
        )
    return annotated


class ColumnCounts:
    """How many words of a column are right.

    Attributes:
        gold_tags: how often each gold tag occurs; of lemmas, each edit script.
        confidences: of the words that have a gold tag, if they are known.
    """

    def __init__(self, column: str, vocabulary: Vocabulary) -> None:
        self.column, self.vocabulary = column, vocabulary
        self.gold_tags: Counter[str] = Counter()
        self.confidences = Confidences()
        self._right = {True: 0, False: 0}  # keys: does the form occur in training?
        self._total = {True: 0, False: 0}
        self._sentences = self._whole = 0

    def add(
        self,
        tokens: Sequence[str],
        gold: Sequence[str],
        predicted: Sequence[str],
        probabilities: Sequence[float] | None = None,
    ) -> list[tuple[str, str]]:
        """Adds a sentence to the counts; returns the gold and the predicted tags of the words that have a gold tag.

        Args:
            tokens: its N words.
            gold: their N tags.
            predicted: the tagger's N tags.
            probabilities: of these; None if they are not known.
        """
        scored = [i for i, tag in enumerate(gold) if is_annotated(self.column, tag, tokens[i])]
        if not scored:
            return []
        codec = self.vocabulary.codecs[self.column]
        gold, predicted = (codec.learned(tokens, tags) for tags in (gold, predicted))
        for i in scored:
            seen = tokens[i] in self.vocabulary.known_forms
            self._total[seen] += 1
            self._right[seen] += gold[i] == predicted[i]
            self.gold_tags[gold[i]] += 1
        pairs = [(gold[i], predicted[i]) for i in scored]
        self._sentences += 1
        self._whole += all(one == other for one, other in pairs)
        if probabilities is not None:
            self.confidences.add((probabilities[i] for i in scored), (one == other for one, other in pairs))
        return pairs

    def accuracies(self) -> dict[str, Any]:
        """The accuracies of the column, which has gold tags; see `report`."""
        tokens = sum(self._total.values())
        return {
            "tokens": tokens,
            "accuracy": sum(self._right.values()) / tokens,
            "known": self._right[True] / self._total[True] if self._total[True] else None,
            "known_tokens": self._total[True],
            "unknown": self._right[False] / self._total[False] if self._total[False] else None,
            "unknown_tokens": self._total[False],
            "sentences": self._sentences,
            "whole_sentences": self._whole / self._sentences,
        }


class _ColumnScores(ColumnCounts):
    """The counts of one column, and what the scores of each tag are computed from."""

    def __init__(self, column: str, vocabulary: Vocabulary) -> None:
        super().__init__(column, vocabulary)
        self.gold: list[list[str]] = []
        self.predicted: list[list[str]] = []

    def add(
        self,
        tokens: Sequence[str],
        gold: Sequence[str],
        predicted: Sequence[str],
        probabilities: Sequence[float] | None = None,
    ) -> list[tuple[str, str]]:
        """Adds a sentence to the counts; see `ColumnCounts.add`."""
        pairs = super().add(tokens, gold, predicted, probabilities)
        if pairs:
            self.gold.append([tag for tag, _ in pairs])
            self.predicted.append([tag for _, tag in pairs])
        return pairs

    def report(self) -> dict[str, Any]:
        """The scores of the column; see the function `report`."""
        pairs = zip(chain.from_iterable(self.gold), chain.from_iterable(self.predicted), strict=True)
        confusions = Counter(pair for pair in pairs if pair[0] != pair[1])
        unseen = Counter[str]()  # gold tags that the tagger does not know
        for (gold, _), count in confusions.items():
            if gold not in self.vocabulary.tag_ids[self.column]:
                unseen[gold] += count
        spans = is_span_column(self.vocabulary.tags[self.column])
        return {
            **self.accuracies(),
            "tags": tag_scores(self.gold, self.predicted),
            "spans": span_scores(self.gold, self.predicted) if spans else None,
            "unseen_tags": dict(sorted(unseen.items())),
            "confusions": [[gold, predicted, count] for (gold, predicted), count in confusions.most_common()],
            "calibration": self.confidences.report(),
        }


def tag_scores(gold: list[list[str]], predicted: list[list[str]]) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and support of each tag, by seqeval.

    seqeval scores spans. On bare tags it is wrong: it takes the first letter of a tag for a prefix and joins equal
    neighbours. So each token is given as a span of its own (`B-`), and tags as numbers, because seqeval cuts names
    at hyphens (`-LRB-`).
    """
    names = sorted({tag for tags in [*gold, *predicted] for tag in tags})
    spans = {tag: f"B-{i}" for i, tag in enumerate(names)}
    scores = span_scores([[spans[t] for t in tags] for tags in gold], [[spans[t] for t in tags] for tags in predicted])
    return {name: scores[spans[name].removeprefix("B-")] for name in names}


def span_scores(gold: list[list[str]], predicted: list[list[str]]) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and support of each kind of BIO span and their averages, by seqeval."""
    import warnings

    from seqeval.metrics import classification_report  # late, because it imports scikit-learn, which takes a second

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval warns of each tag that is never predicted
        scores = classification_report(gold, predicted, output_dict=True, zero_division=0)
    return {
        name: {
            "precision": float(values["precision"]),
            "recall": float(values["recall"]),
            "f1": float(values["f1-score"]),
            "support": int(values["support"]),
        }
        for name, values in scores.items()
    }


def most_confused(scores: Mapping[str, Any], most: int) -> list[str]:
    """The tags of a column that take part in the most errors, at most `most`, by name; see `report`."""
    errors: Counter[str] = Counter()
    for gold, predicted, count in scores["confusions"]:
        errors[gold] += count
        errors[predicted] += count
    return sorted(tag for tag, _ in errors.most_common(most))


def format_report(scores: Mapping[str, Mapping[str, Any]], title: str) -> str:
    """The result of `report` as text at most 80 columns wide."""
    lines = []
    for column, s in scores.items():
        rows = [
            ("all words", s["accuracy"], s["tokens"]),
            ("seen in training", s["known"], s["known_tokens"]),
            ("not seen in training", s["unknown"], s["unknown_tokens"]),
            ("whole sentences", s["whole_sentences"], s["sentences"]),
        ]
        lines.append(f"{title}: {column}")
        lines += [f"  {name:<24}{_percent(share)}  of {count:>9,}" for name, share, count in rows]
        if (calibration := s["calibration"]) is not None:
            others = f"adaptive {_percent(calibration['adaptive_ece']).strip()}, mean confidence"
            others += f" {_percent(calibration['confidence']).strip()}"
            lines.append(f"  {'calibration error':<24}{_percent(calibration['ece'])}  {others}")
        if s["spans"] is not None:
            lines += _score_table(
                "spans", {k: v for k, v in s["spans"].items() if k not in ("macro avg", "weighted avg")}
            )
        elif len(s["tags"]) <= 60:
            lines += _score_table("tag", s["tags"])
        else:
            lines.append(f"  ({len(s['tags'])} tags; --json has their scores)")
        if s["unseen_tags"]:
            listed = ", ".join(f"{tag} ({count})" for tag, count in list(s["unseen_tags"].items())[:8])
            more = "" if len(s["unseen_tags"]) <= 8 else f" and {len(s['unseen_tags']) - 8} more"
            text = f"gold tags that the tagger does not know, counted as errors: {listed}{more}"
            lines += textwrap.wrap(text, 80, initial_indent="  ", subsequent_indent="    ")
        lines.append("")
    return "\n".join(lines)


def _score_table(head: str, scores: Mapping[str, Mapping[str, float]]) -> list[str]:
    lines = [f"  {head:<24}{'precision':>9}  {'recall':>7}  {'F1':>7}  {'words':>9}"]
    for name, v in scores.items():
        shown = name if len(name) <= 23 else name[:22] + "…"
        numbers = f"{_percent(v['precision']):>9}  {_percent(v['recall']):>7}  {_percent(v['f1']):>7}"
        lines.append(f"  {shown:<24}{numbers}  {v['support']:>9,}")
    return lines


def _percent(share: float | None) -> str:
    return "      –" if share is None else f"{100 * share:6.2f}%"
