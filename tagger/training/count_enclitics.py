"""Gold sentences -> which verbs with pronouns behind them training splits; see `tagger.segmenter.enclitics`."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from tagger.segmenter.enclitics import Enclitics, ending_of, is_word
from tagger.text.sentence import Sentence
from tagger.text.spacing import surface_tokens
from tagger.text.strings import UPOS
from tagger.words.dictionary import Dictionary

VERBS, PRONOUN = ("VERB", "AUX"), "PRON"
MIN_INFINITIVES = 0.03  # of the lemmas of verbs that end so
MIN_SEEN = 10  # tokens of a verb and pronouns, for anything to be said
MIN_ODDS = 2  # so many times as often is it right to split as wrong, at least


def enclitics_of(sentences: Iterable[Sentence], dictionary: Dictionary | None) -> Enclitics:
    """What sentences with UPOS say; each form counts once."""
    words_of: dict[str, tuple[str, ...]] = {}  # tokens -> their words; one word of a token that is none of these
    verbs: set[str] = set()
    endings: Counter[tuple[str, str, str]] = Counter()
    for sentence in sentences:
        upos = sentence.tags.get(UPOS, [])
        lower = [word.lower() for word in sentence.tokens]
        verbs.update(word for word, tag in zip(lower, upos, strict=False) if tag in VERBS)
        for token in surface_tokens(sentence):
            form, own = token.form.lower(), slice(token.start, token.stop)
            if is_word(form) and form not in words_of:
                words_of[form] = tuple(lower[own])
                tags = upos[own]
                if token.multiword and tags and tags[0] in VERBS and set(tags[1:]) == {PRONOUN}:
                    endings[ending_of(form, lower[own])] += 1
    if endings.total() < MIN_SEEN:
        return Enclitics()
    lemmas = dictionary.look_up(sorted(verbs)).lemmas if dictionary else [None] * len(verbs)
    ends = Counter(lemma[-2:] for lemma in lemmas if lemma)
    infinitives = sorted(end for end, count in ends.items() if count > MIN_INFINITIVES * ends.total())
    others = [verb for verb, lemma in zip(sorted(verbs), lemmas, strict=True) if (lemma or "")[-2:] not in infinitives]
    digests = dict(dictionary.digests) if dictionary else {}
    most = [ending for ending, _ in endings.most_common()]
    found = Enclitics(most, verbs=others, infinitives=infinitives, dictionary=digests)
    right, wrong = Counter[str](), Counter[str]()
    for form, words in words_of.items():
        for way in found.ways(form):
            (right if way.words == words else wrong)[way.circumstances] += 1
    found = replace(found, circumstances=sorted(each for each in right if right[each] > MIN_ODDS * wrong[each]))
    return replace(
        found, whole=sorted(form for form, words in words_of.items() if len(words) == 1 and found.split(form))
    )
