"""A learned segmenter at work: paragraphs -> sentences of tokens, as fast as one thread can.

It computes what `SegmenterNetwork.forward` computes, in float32, by `unit_network.LaneReader`. A paragraph is read in
windows that overlap. Its cuts depend on the paragraph alone: not on the paragraphs beside it, and not on the tagger's
precision. In a tagger's folder it is two files: weights in safetensors, the rest in JSON.
"""

# N units of all paragraphs, boundaries included; S scripts

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, lru_cache
from itertools import pairwise, repeat
from pathlib import Path
from typing import Any

import numpy as np
import regex
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from tagger.errors import InputError
from tagger.model.device import own_turn
from tagger.model.storage import build_without_memory, compress, expand, one_error, read_weights
from tagger.segmenter.corrections import Corrections
from tagger.segmenter.enclitics import Enclitics
from tagger.segmenter.features import (
    BORDER_CODES,
    CODES,
    Borders,
    Lexicon,
    allowed_cuts,
    context_rows,
    pairs_of_kinds,
    rule_labels,
)
from tagger.segmenter.multiwords import Multiwords
from tagger.segmenter.unit_network import (
    Label,
    LaneReader,
    SegmenterConfig,
    SegmenterNetwork,
    SegmenterVocabulary,
    windows_of,
)
from tagger.segmenter.units import END_GAP, MAX_FORM, SPACE_GAP, Units, UnitTable
from tagger.text.paragraphs import grouped
from tagger.text.schema import MAX_VOCABULARY_BYTES, read, read_json, shown, write_packed_json
from tagger.text.sentence import Token
from tagger.text.strings import SPACE, printable
from tagger.words.conventions import Conventions
from tagger.words.edit_scripts import apply_script, least_characters
from tagger.words.rules import ConfirmedRules
from tagger.words.segment import LEARNED, SEGMENTER, SEGMENTER_WEIGHTS

MAX_WORDS = 100  # of a token that is cut inside; with more it is one word, as after a few steps of training
MAX_CHARACTERS = 200_000  # of the paragraphs whose units are in memory together

ENCLITIC = -1  # in the place of the number of a script
_INSIDE = regex.compile(rf"[\p{{L}}\p{{N}},][{SPACE}]*\Z")  # what a word stands behind that begins no sentence
_GAP = regex.compile(f"[{SPACE}]+")
# Names in the file of weights, which has hashes as signed numbers.
_INT4 = ("types.", "context.", "encoder.")  # prefixes of the names of the weights that int4 is for
_LEXICON, _CODES, _BORDERS, _BORDER_CODES = "lexicon", "codes", "borders", "border_codes"


@dataclass(eq=False, repr=False)
class LearnedSegmenter:
    """Cuts paragraphs; threads take turns. `dataclasses.replace` changes a part."""

    name = LEARNED

    network: SegmenterNetwork
    vocabulary: SegmenterVocabulary
    config: SegmenterConfig
    lexicon: Lexicon
    conventions: Conventions

    def __post_init__(self) -> None:
        vocabulary, config, network = self.vocabulary, self.config, self.network
        self._rules = ConfirmedRules(self.conventions)
        self._multiwords = Multiwords(vocabulary.scripts, vocabulary.multiwords, vocabulary.affixes)
        marks = self._multiwords.marks
        self._table = UnitTable(vocabulary.forms, config["affix_buckets"], config["characters"], marks)
        self._reader = LaneReader(network.encoder, (network.labels, network.scripts))
        self._cuts = None if config["cuts"] is None else allowed_cuts(config["cuts"])
        self._kinds, self._generation = torch.empty(0, config["size"]), 0
        self._whole = frozenset(self.conventions.whole)
        self._known_ways = lru_cache(maxsize=10_000)(self._ways)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, such as that of another process, remembers nothing yet."""
        return LearnedSegmenter, (self.network, self.vocabulary, self.config, self.lexicon, self.conventions)

    def moved(self, amount: float) -> "LearnedSegmenter":
        """A segmenter that adds `amount` to the score of the end of a sentence, so that it finds more or fewer."""
        network = copy.deepcopy(self.network)
        with torch.no_grad():
            network.labels.bias[Label.SENTENCE] += amount
        return replace(self, network=network)

    def with_enclitics(self, enclitics: Enclitics) -> "LearnedSegmenter":
        """A segmenter that splits verbs with pronouns behind them as these say."""
        return replace(self, vocabulary=replace(self.vocabulary, enclitics=enclitics))

    def rounded(self, storage_dtype: str) -> "LearnedSegmenter":
        """A segmenter with the weights that a file of a dtype would have, see `storage.compress`.

        With int4 its lexicon is smaller, too: borders that training has once are not in it.
        """
        network, words = copy.deepcopy(self.network), self.lexicon
        network.load_state_dict(expand(compress(network.state_dict(), storage_dtype, int4=_INT4)))
        if storage_dtype == "int4":
            words = Lexicon(words.hashes, words.codes, words.borders.repeated())
        return replace(self, network=network, lexicon=words)

    def save(self, folder: Path) -> None:
        """Writes the two files into a folder that is being made."""
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in self.network.state_dict().items()}
        words, borders = self.lexicon, self.lexicon.borders
        lexicon = {
            _LEXICON: torch.from_numpy(words.hashes.view(np.int32)),
            _CODES: torch.from_numpy(words.codes),
            _BORDERS: torch.from_numpy(borders.hashes.view(np.int32)),
            _BORDER_CODES: torch.from_numpy(borders.codes),
        }
        save_file(compress(weights, "float32") | lexicon, folder / SEGMENTER_WEIGHTS)
        write_packed_json(folder / SEGMENTER, {"config": self.config, "vocabulary": asdict(self.vocabulary)})

    def segment_all(self, paragraphs: Sequence[str]) -> list[list[list[Token]]]:
        """The sentences of each paragraph, and the tokens of each sentence; none is empty.

        Every character but white space is in exactly one token.
        """
        with own_turn():
            groups = grouped(paragraphs, len, MAX_CHARACTERS, MAX_CHARACTERS)
            return [sentences for group in groups for sentences in self._segment(group)]

    def _segment(self, paragraphs: Sequence[str]) -> list[list[list[Token]]]:
        units, config = self._table.read(paragraphs), self.config

        @cache
        def ruled(rules: str | None) -> np.ndarray:
            return rule_labels(paragraphs, units, rules, confirmed=self._rules)

        rules = ruled(config["rules"])
        context = context_rows(units, self.lexicon, rules, config["buckets"], config["pairs"])
        labels, scores, scripts = self._labels(units, context)
        owners = np.repeat(np.arange(len(paragraphs)), [stop - start for start, stop in units.bounds])
        places = np.flatnonzero(units.ends)  # those of units, not of boundaries
        new_marks = units.traits[:, 3] > 0
        new_marks[:-1] |= new_marks[1:]
        new_marks &= (units.ends > 0) & (labels == Label.GOES_ON)
        new_cuts = np.zeros(len(labels), dtype=bool)
        if self._cuts is not None:
            is_end = (labels == Label.TOKEN) | (labels == Label.SENTENCE)
            new_cuts = is_end & ~self._cuts[pairs_of_kinds(units)]
        unsure = np.flatnonzero(new_marks | new_cuts)
        if len(unsure):
            found = rules if config["rules"] else rule_labels(paragraphs, units, "unicode", unsure, self._rules)
            labels[new_marks & (found > 0)] = Label.TOKEN
            labels[new_cuts & (found == 0)] = Label.GOES_ON
        if config["sentences"] is not None:
            last = (ruled(config["sentences"]) == 2) | (units.gaps == END_GAP)
            is_end = (labels == Label.TOKEN) | (labels == Label.SENTENCE)
            labels[is_end] = np.where(last[is_end], Label.SENTENCE, Label.TOKEN)
        kept = Corrections(paragraphs, units, labels, scores, self._rules).make()
        own = _without_wide_multiwords(labels[places], units.gaps[places])
        ends = np.flatnonzero((own == Label.TOKEN) | (own == Label.SENTENCE))
        firsts = np.concatenate([[0], ends[:-1] + 1])[: len(ends)]
        begin, end = units.starts[places[firsts]].tolist(), units.ends[places[ends]].tolist()
        tokens: list[Token] = list(map(tuple.__new__, repeat(Token), zip(begin, end, repeat(()))))
        cuts = np.flatnonzero(own == Label.WORD)
        for number in np.unique(np.searchsorted(ends, cuts)).tolist():
            inner = cuts[np.searchsorted(cuts, firsts[number]) : np.searchsorted(cuts, ends[number])]
            if len(inner) >= MAX_WORDS:
                continue
            at = [begin[number], *units.ends[places[inner]].tolist(), end[number]]
            text = paragraphs[owners[ends[number]]]
            tokens[number] = Token(at[0], at[-1], tuple(_GAP.sub(" ", text[a:b]).strip(" ") for a, b in pairwise(at)))
        marked = (units.traits[places, 5] > 0) & ~kept[places]
        asked = np.flatnonzero(marked[firsts] | marked[ends]).tolist()
        if self.vocabulary.enclitics.circumstances:
            forms = {paragraphs[owners[ends[number]]][begin[number] : end[number]].lower() for number in asked}
            self.vocabulary.enclitics.look_up([form for form in forms if form not in self.vocabulary.multiwords])
        for number in asked:
            text = paragraphs[owners[ends[number]]]
            tokens[number] = self._split(tokens[number], text, scripts, places[ends[number]])
        sentences: list[list[list[Token]]] = [[] for _ in paragraphs]
        lasts = np.flatnonzero(own[ends] == Label.SENTENCE)
        first = 0
        for last, owner in zip(lasts.tolist(), owners[ends[lasts]].tolist(), strict=True):
            sentences[owner].append(tokens[first : last + 1])
            first = last + 1
        return sentences

    def _labels(self, units: Units, context: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The label of each unit (N,), the scores (N, labels), and those (N, S + 1) of scripts of a token that ends."""
        x = functional.embedding_bag(torch.from_numpy(context), self.network.context.weight, mode="sum")
        x += torch.index_select(self._kinds_of_types(), 0, torch.from_numpy(units.types))
        scores = self._reader.scores(x, windows_of(units.bounds))
        labels = scores[:, : len(Label)].argmax(dim=1).numpy()
        labels[units.gaps == END_GAP] = Label.SENTENCE
        if not self.config["spaces"]:
            joined = (labels == Label.GOES_ON) | (labels == Label.WORD)
            labels[joined & (units.gaps == SPACE_GAP)] = Label.TOKEN
        return labels, scores[:, : len(Label)].numpy(), scores[:, len(Label) :].numpy()

    def _kinds_of_types(self) -> Tensor:
        """The part of the embedding that depends on the type alone, of every type in the table."""
        rows = self._table.rows
        if self._generation != self._table.generation:
            self._kinds, self._generation = self._kinds[:0], self._table.generation
        if len(self._kinds) < len(rows):
            self._kinds = torch.cat([self._kinds, self.network.types(torch.from_numpy(rows[len(self._kinds) :]))])
        return self._kinds

    def _split(self, token: Token, text: str, scores: np.ndarray, place: int) -> Token:
        """The token with its words, if a script changes it; `scores` (N, S + 1) has those of the unit at its end."""
        start, end, words = token
        form = text[start:end]
        ways = (self._known_ways if len(form) <= MAX_FORM else self._ways)(form)  # so that the memory is bounded
        if words or not ways or form.lower() in self._whole:
            return token
        if ways[0][0] == ENCLITIC and form[0].isupper() and _INSIDE.search(text, 0, start):  # a name
            return token
        _, _, words = max(ways, key=lambda way: way[1] + scores[place, way[0]]) if len(ways) > 1 else ways[0]
        return Token(start, end, words)

    def splits(self, form: str) -> bool:
        """Whether a token of this form may be split by an ending or beginning, and training does not have it so."""
        return form.lower() not in self.vocabulary.multiwords and bool(self._ways(form))

    def _ways(self, form: str) -> tuple[tuple[int, float, tuple[str, ...]], ...]:
        """How a token may be split, the way into one word among them; none if that is the only one.

        Of each way the script, the logarithm of its odds against one word, and the words.
        """
        if _GAP.search(form):  # CoNLL-U has no multiword token with white space
            return ()
        if form.lower() not in self.vocabulary.multiwords and (words := self.vocabulary.enclitics.split(form)):
            return ((ENCLITIC, 0.0, words),)
        ways = []
        for script, odds in self._multiwords.choices(form):
            made = apply_script(self.vocabulary.scripts[script - 1], form) if script else None
            words = tuple(filter(None, _GAP.split(made))) if made else ()
            if len(words) > 1 or not script:
                ways.append((script, odds, words))
        return tuple(ways) if any(words for _, _, words in ways) else ()


def _without_wide_multiwords(labels: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Labels of units (N,), without boundaries, that end multiword tokens at white space: CoNLL-U has none with it."""
    cuts = labels == Label.WORD
    if not cuts.any():
        return labels
    ends = np.flatnonzero((labels == Label.TOKEN) | (labels == Label.SENTENCE))
    token = np.searchsorted(ends, np.arange(len(labels)))  # of each unit
    is_multiword = np.zeros(len(ends), dtype=bool)
    is_multiword[token[cuts]] = True
    inside = (labels == Label.GOES_ON) | cuts
    return np.where(is_multiword[token] & inside & (gaps == SPACE_GAP), Label.TOKEN, labels)


@dataclass
class Content:
    """What the file of JSON holds."""

    config: SegmenterConfig
    vocabulary: SegmenterVocabulary


def load_segmenter(folder: Path, conventions: Conventions) -> LearnedSegmenter:
    """Reads what `LearnedSegmenter.save` wrote; the weights become float32."""
    for path in (folder / SEGMENTER, folder / SEGMENTER_WEIGHTS):
        if not path.is_file():
            raise InputError(f"{folder} is no whole tagger: {path.name} is missing; copy it again or train anew")
    content = read_json(folder / SEGMENTER, MAX_VOCABULARY_BYTES)
    path = folder / SEGMENTER_WEIGHTS
    with one_error(folder, SEGMENTER_WEIGHTS):
        saved = read(Content, content, "segmenter.")
        config, vocabulary = saved.config, saved.vocabulary
        _check_content(config, vocabulary)
        network = build_without_memory(lambda: SegmenterNetwork(vocabulary, config))
    lists = {_LEXICON: "I32", _CODES: "U8", _BORDERS: "I32", _BORDER_CODES: "U8"}
    weights = read_weights(path, network.state_dict(), lists)
    with one_error(folder, SEGMENTER_WEIGHTS):
        borders = Borders(*_checked("borders", weights.pop(_BORDERS), weights.pop(_BORDER_CODES), BORDER_CODES))
        lexicon = Lexicon(*_checked("words of the lexicon", weights.pop(_LEXICON), weights.pop(_CODES), CODES), borders)
        network.load_state_dict(weights, assign=True)
    return LearnedSegmenter(network.eval(), vocabulary, config, lexicon, conventions)


def _checked(name: str, tensor: Tensor, of_codes: Tensor, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Hashes and their codes; raises ValueError unless the hashes ascend and each has a code below `most`."""
    hashes, codes = tensor.numpy().view(np.uint32), of_codes.numpy()
    if (hashes[1:] <= hashes[:-1]).any():
        raise ValueError(f"the hashes of the {name} are not in ascending order")
    if codes.shape != hashes.shape or (codes >= most).any():
        raise ValueError(f"the {name} do not have a code each")
    return hashes, codes


def _check_content(config: SegmenterConfig, vocabulary: SegmenterVocabulary) -> None:
    """Raises ValueError unless the values are what training writes, besides their types."""
    for name, strings in (("cuts", config["cuts"]), ("forms", vocabulary.forms), ("scripts", vocabulary.scripts)):
        if strings is not None and len(set(strings)) < len(strings):
            raise ValueError(f"one of the {name} occurs twice")
    allowed_cuts(config["cuts"] or [])
    for script in vocabulary.scripts:
        if least_characters(script) is None:
            raise ValueError(f"{shown(script)} is no edit script")
        if printable(script) != script:  # words made by it may be shown
            raise ValueError(f"the edit script {shown(script)} has a control character")
    for affix in vocabulary.affixes:
        if len(affix) < 2 or "*" not in (affix[0], affix[-1]):
            raise ValueError(f"{shown(affix)} is no affix: an ending after `*`, or a beginning before it")
    ends = {number for counts in vocabulary.affixes.values() for number, _ in counts}
    numbers = ends.union(*vocabulary.multiwords.values())
    if max(numbers, default=0) > len(vocabulary.scripts):
        raise ValueError(f"there is no script {max(numbers)}, only {len(vocabulary.scripts)}")
