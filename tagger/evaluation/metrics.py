"""Gold and predicted tags -> a report: accuracies, the scores of each tag (by seqeval) and confusions."""

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.text.gold_tags import NO_TAG, is_annotated

_SPAN_TAG = re.compile(r"O|[BIESU]-.+")


class Scored(NamedTuple):
    """A sentence of N tokens with N gold tags and N predicted tags for each column."""

    tokens: Sequence[str]
    gold: Mapping[str, Sequence[str]]
    predicted: Mapping[str, Sequence[str]]


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
        their counts; `confusions`: [gold, predicted, count], most frequent first.

    Raises:
        InputError: no column has gold tags, or none of a column's gold tags is known to the tagger.
    """
    columns = {column: _ColumnScores(column, vocabulary) for column in vocabulary.columns}
    for sentence in sentences:
        for column, scores in columns.items():
            if column in sentence.gold:
                scores.add(sentence.tokens, sentence.gold[column], sentence.predicted[column])
    annotated = {column: scores for column, scores in columns.items() if set(scores.gold_tags) - {NO_TAG}}
    known = {column: scores.report() for column, scores in annotated.items() if scores.has_known_tag()}
    for column, scores in annotated.items():
        if column not in known:
            examples = ", ".join(sorted(scores.gold_tags)[:5])
            raise InputError(
                f"column {column}: none of its tags ({examples}, …) is known to the tagger; is it the right column?"
            )
    if not known:
        raise InputError(
            f"no gold tags in any of the columns {', '.join(vocabulary.columns)}; give a file that has gold tags"
        )
    return known


def is_span_column(tags: Sequence[str]) -> bool:
    """Whether the tags are BIO spans, such as the chunks of CoNLL-2000: `B-NP`, `I-NP`, `O`."""
    return all(_SPAN_TAG.fullmatch(tag) for tag in tags) and any(tag != "O" for tag in tags)


class _ColumnScores:
    """The counts of one column."""

    def __init__(self, column: str, vocabulary: Vocabulary) -> None:
        self.column, self.vocabulary = column, vocabulary
        self.gold_tags: Counter[str] = Counter()
        self.unseen: Counter[str] = Counter()  # gold tags that the tagger does not know
        self.right = {True: 0, False: 0}  # keys: does the form occur in training?
        self.total = {True: 0, False: 0}
        self.sentences = self.whole = 0
        self.confusions: Counter[tuple[str, str]] = Counter()
        self.gold: list[list[str]] = []
        self.predicted: list[list[str]] = []

    def add(self, tokens: Sequence[str], gold: Sequence[str], predicted: Sequence[str]) -> None:
        """Adds a sentence to the counts."""
        scored = [i for i, tag in enumerate(gold) if is_annotated(self.column, tag, tokens[i])]
        if not scored:
            return
        codec = self.vocabulary.codecs[self.column]
        gold, predicted = (codec.learned(tokens, tags) for tags in (gold, predicted))
        wrong = 0
        for i in scored:
            seen = tokens[i] in self.vocabulary.known_forms
            self.total[seen] += 1
            self.right[seen] += gold[i] == predicted[i]
            self.gold_tags[gold[i]] += 1
            if gold[i] != predicted[i]:
                wrong += 1
                self.unseen[gold[i]] += gold[i] not in self.vocabulary.tag_ids[self.column]
                self.confusions[gold[i], predicted[i]] += 1
        self.sentences += 1
        self.whole += not wrong
        self.gold.append([gold[i] for i in scored])
        self.predicted.append([predicted[i] for i in scored])

    def has_known_tag(self) -> bool:
        """Whether the tagger knows one of the gold tags."""
        return any(tag in self.vocabulary.tag_ids[self.column] for tag in self.gold_tags)

    def report(self) -> dict[str, Any]:
        """The scores of the column; see the function `report`."""
        tokens = sum(self.total.values())
        spans = is_span_column(self.vocabulary.tags[self.column])
        return {
            "tokens": tokens,
            "accuracy": sum(self.right.values()) / tokens,
            "known": self.right[True] / self.total[True] if self.total[True] else None,
            "known_tokens": self.total[True],
            "unknown": self.right[False] / self.total[False] if self.total[False] else None,
            "unknown_tokens": self.total[False],
            "sentences": self.sentences,
            "whole_sentences": self.whole / self.sentences,
            "tags": tag_scores(self.gold, self.predicted),
            "spans": span_scores(self.gold, self.predicted) if spans else None,
            "unseen_tags": {tag: count for tag, count in sorted(self.unseen.items()) if count},
            "confusions": [[gold, predicted, count] for (gold, predicted), count in self.confusions.most_common()],
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
        if s["spans"] is not None:
            lines += _score_table(
                "spans", {k: v for k, v in s["spans"].items() if k not in ("macro avg", "weighted avg")}
            )
        elif len(s["tags"]) <= 60:
            lines += _score_table("tag", s["tags"])
        else:
            lines.append(f"  ({len(s['tags'])} tags; report.json has their scores)")
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
