"""Gold and predicted tags -> a report: accuracies, the scores of each tag (by seqeval) and confusions."""

import textwrap
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from tagger.errors import InputError
from tagger.evaluation.calibration import calibration
from tagger.model.vocabulary import Vocabulary
from tagger.text.sentence import Sentence
from tagger.text.strings import FEATS, LEMMA, NO_TAG, Table, is_annotated, percent
from tagger.text.tags import in_known_order, is_span_column

MAX_SHOWN_TAGS = 60  # of a column, in a terminal

Tagged = tuple[Sentence, Mapping[str, Sequence[str]]]
"""A sentence with predicted tags, and perhaps their probabilities, beside the gold tags of each column."""


def report(sentences: Iterable[Tagged], vocabulary: Vocabulary) -> dict[str, dict[str, Any]]:
    """Scores every column of the vocabulary that has gold tags.

    Tokens without a gold tag are skipped, and so is a FEATS column without any features. A gold tag that the tagger
    does not know counts as an error. A lemma is right if it is the gold lemma; the tags of this column are the edit
    scripts from the words to their gold lemmas and to the predicted ones.

    Returns:
        For each column, shares in [0, 1]: `tokens`, `accuracy`; `known` and `unknown`: the accuracy over forms that
        occur in training and that do not, or None; `known_tokens`, `unknown_tokens`; `sentences`, `whole_sentences`:
        the share without an error; `tags`: precision, recall, F1 and support of each; `spans`: the same for BIO spans,
        or None; `unseen_tags`: the counts of gold tags that the tagger does not know; `confusions`: [gold, predicted,
        count], most frequent first; `calibration`: see `calibration.py`, or None if no probabilities are known.

    Raises:
        InputError: as `annotated`.
    """
    return {column: scores.report() for column, scores in count(sentences, vocabulary).items()}


def count(sentences: Iterable[Tagged], vocabulary: Vocabulary) -> dict[str, "ColumnScores"]:
    """The counts of every column that has gold tags; raises InputError as `annotated`."""
    columns = {column: ColumnScores(column, vocabulary) for column in vocabulary.columns}
    for sentence, gold in sentences:
        for column, scores in columns.items():
            if column in gold:
                scores.add(sentence.tokens, gold[column], sentence.tags[column], sentence.probabilities.get(column))
    return annotated(columns, vocabulary)


def annotated(columns: Mapping[str, "ColumnScores"], vocabulary: Vocabulary) -> dict[str, "ColumnScores"]:
    """The columns that have gold tags: others than `_`.

    Raises:
        InputError: there are none, or the tagger knows no gold tag of any column.
    """
    found = {column: scores for column, scores in columns.items() if set(scores.gold_tags) - {NO_TAG}}
    if found and not any(tag in vocabulary.tag_ids[column] for column in found for tag in found[column].gold_tags):
        column, scores = next(iter(found.items()))
        examples = ", ".join(sorted(scores.gold_tags)[:5])
        raise InputError(
            f"column {column}: none of its tags ({examples}, …) is known to the tagger; is it the right column?"
        )
    if not found:
        raise InputError(f"no gold tags in the columns {', '.join(vocabulary.columns)}; give a file that has some")
    return found


class ColumnScores:
    """The gold and the predicted tags of one column, and how many words are right.

    Attributes:
        gold_tags: how often each gold tag occurs; of lemmas, each edit script.
        confidences: the probabilities of the predicted tags of the words that have a gold tag, if they are known.
    """

    def __init__(self, column: str, vocabulary: Vocabulary) -> None:
        self.column, self.vocabulary = column, vocabulary
        self.gold_tags: Counter[str] = Counter()
        self.confidences = array("d")
        self._right = {True: 0, False: 0}  # keys: does the form occur in training?
        self._total = {True: 0, False: 0}
        self._gold: list[list[str]] = []  # of the words of each sentence that have a gold tag
        self._predicted: list[list[str]] = []

    def add(
        self,
        tokens: Sequence[str],
        gold: Sequence[str],
        predicted: Sequence[str],
        probabilities: Sequence[float] | None = None,
    ) -> None:
        """Adds a sentence."""
        scored = [i for i, tag in enumerate(gold) if is_annotated(self.column, tag, tokens[i])]
        if not scored:
            return
        codec = self.vocabulary.codecs[self.column]
        gold, predicted = (codec.learned(tokens, tags) for tags in (gold, predicted))
        if self.column == FEATS:
            gold = [in_known_order(feats, self.vocabulary.tag_ids[FEATS]) for feats in gold]
        for i in scored:
            seen = tokens[i] in self.vocabulary.known_forms
            self._total[seen] += 1
            self._right[seen] += gold[i] == predicted[i]
            self.gold_tags[gold[i]] += 1
        self._gold.append([gold[i] for i in scored])
        self._predicted.append([predicted[i] for i in scored])
        if probabilities is not None:
            self.confidences.extend(probabilities[i] for i in scored)

    def accuracies(self) -> dict[str, Any]:
        """The accuracies of the column, which has gold tags; see `report`."""
        tokens = sum(self._total.values())
        whole = sum(one == other for one, other in zip(self._gold, self._predicted, strict=True))
        return {
            "tokens": tokens,
            "accuracy": sum(self._right.values()) / tokens,
            "known": self._right[True] / self._total[True] if self._total[True] else None,
            "known_tokens": self._total[True],
            "unknown": self._right[False] / self._total[False] if self._total[False] else None,
            "unknown_tokens": self._total[False],
            "sentences": len(self._gold),
            "whole_sentences": whole / len(self._gold),
        }

    def calibration(self) -> dict[str, Any] | None:
        """How far confidence and accuracy are apart; None if the probabilities are not known."""
        if not self.confidences:
            return None
        return calibration(self.confidences, [gold == predicted for gold, predicted in self._pairs()])

    def report(self) -> dict[str, Any]:
        """The scores of the column; see the function `report`."""
        confusions = Counter(pair for pair in self._pairs() if pair[0] != pair[1])
        known = self.vocabulary.tag_ids[self.column]
        unseen = Counter(gold for gold, _ in confusions.elements() if gold not in known)
        spans = is_span_column(self.vocabulary.tags[self.column])
        return {
            **self.accuracies(),
            "tags": tag_scores(self._gold, self._predicted),
            "spans": span_scores(self._gold, self._predicted) if spans else None,
            "unseen_tags": dict(sorted(unseen.items())),
            "confusions": [[gold, predicted, n] for (gold, predicted), n in confusions.most_common()],
            "calibration": self.calibration(),
        }

    def _pairs(self) -> Iterator[tuple[str, str]]:
        return zip(chain.from_iterable(self._gold), chain.from_iterable(self._predicted), strict=True)


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


def tag_table(column: str, scores: Mapping[str, Any], most: int) -> Table:
    """The scores of each tag, or of each kind of span, of the `most` frequent ones."""
    kind, found = "tags", scores["tags"]
    if scores["spans"]:
        kind = "spans"
        found = {name: s for name, s in scores["spans"].items() if name not in ("macro avg", "weighted avg")}
    ordered = sorted(found.items(), key=lambda item: -item[1]["support"])[:most]
    rows = [
        [tag, *(percent(s[key]) for key in ("precision", "recall", "f1")), f"{s['support']:,}"] for tag, s in ordered
    ]
    title = f"{column}: {kind}" + (f" (the {most} most frequent of {len(found):,})" if len(found) > most else "")
    return Table(title, ["", "precision", "recall", "F1", "words"], rows)


def format_report(scores: Mapping[str, Mapping[str, Any]], title: str) -> str:
    """The result of `report` as text at most 80 columns wide."""
    lines = []
    for column, s in scores.items():
        rows = [
            ["all words", percent(s["accuracy"]), f"{s['tokens']:,}"],
            ["seen in training", percent(s["known"]), f"{s['known_tokens']:,}"],
            ["not seen in training", percent(s["unknown"]), f"{s['unknown_tokens']:,}"],
            ["whole sentences", percent(s["whole_sentences"]), f"{s['sentences']:,}"],
        ]
        if (found := s["calibration"]) is not None:
            rows += [
                ["calibration error", percent(found["ece"]), ""],
                ["mean confidence", percent(found["confidence"]), ""],
            ]
        lines.append(Table(f"{title}: {column}", ["", "right", "of"], rows).as_text())
        if column != LEMMA:
            lines.append(tag_table(column, s, MAX_SHOWN_TAGS).as_text())
        if s["unseen_tags"] and column == LEMMA:
            count = sum(s["unseen_tags"].values())
            lines.append(f"  lemmas that no edit script of training makes, counted as errors: {count:,}")
        elif s["unseen_tags"]:
            listed = ", ".join(f"{tag} ({count})" for tag, count in list(s["unseen_tags"].items())[:8])
            more = "" if len(s["unseen_tags"]) <= 8 else f" and {len(s['unseen_tags']) - 8} more"
            text = f"gold tags that the tagger does not know, counted as errors: {listed}{more}"
            lines += textwrap.wrap(text, 80, initial_indent="  ", subsequent_indent="    ")
        lines.append("")
    return "\n".join(lines)
