"""Gold sentences -> which verbs with pronouns behind them training splits; see `tagger.segmenter.enclitics`."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace

from tagger.segmenter.enclitics import MAX_ENDINGS, MAX_FORMS, Enclitics, ending_of, is_word
from tagger.text.sentence import Sentence
from tagger.text.spacing import surface_tokens
from tagger.text.strings import UPOS
from tagger.words.dictionary import Dictionary

VERBS, PRONOUN = ("VERB", "AUX"), "PRON"
MIN_SEEN = 10  # tokens of a verb and pronouns, for anything to be said
MIN_SHARE = 0.03  # of the verbs' lemmas that end as infinitives of a kind do
MIN_ODDS = 2  # so many times as often is it right to split as wrong, at least


def enclitics_of(sentences: Iterable[Sentence], dictionary: Dictionary | None) -> Enclitics:
    """What sentences with UPOS say; each form counts once."""
    words_of: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)  # token -> its words
    tags_of: dict[str, Counter[str]] = defaultdict(Counter)  # word -> its UPOS
    endings: Counter[tuple[str, str, str]] = Counter()
    for sentence in sentences:
        upos = sentence.tags.get(UPOS, [])
        lower = [word.lower() for word in sentence.tokens]
        for word, tag in zip(lower, upos, strict=False):
            tags_of[word][tag] += 1
        for token in surface_tokens(sentence):
            form, words, tags = token.form.lower(), lower[token.start : token.stop], upos[token.start : token.stop]
            if is_word(form):
                words_of[form][tuple(words)] += 1
                if token.multiword and tags and tags[0] in VERBS and set(tags[1:]) == {PRONOUN}:
                    endings[ending_of(form, words)] += 1
    if endings.total() < MIN_SEEN:
        return Enclitics()
    known = [ending for ending, _ in endings.most_common(MAX_ENDINGS) if ending[0]]
    verbs = {word: counts for word, counts in tags_of.items() if not counts.keys().isdisjoint(VERBS)}
    infinitives, others = _infinitives(tags_of, dictionary), list(verbs)
    if dictionary:
        lemmas = dictionary.look_up(others).lemmas
        others = [verb for verb, lemma in zip(others, lemmas, strict=True) if (lemma or "")[-2:] not in infinitives]
    others = sorted(sorted(others, key=lambda verb: -verbs[verb].total())[:MAX_FORMS])
    digests = dict(dictionary.digests) if dictionary else {}
    found = Enclitics(known, verbs=others, infinitives=infinitives, dictionary=digests)
    most = {form: counts.most_common(1)[0][0] for form, counts in words_of.items()}
    right, wrong = Counter[str](), Counter[str]()
    for gold, ways in zip(most.values(), found.ways(list(most)), strict=True):
        for way in ways:
            (right if way.words == gold else wrong)[way.circumstances] += 1
    found = replace(found, circumstances=sorted(each for each in right if right[each] > MIN_ODDS * wrong[each]))
    found.look_up(list(most))
    whole = sorted(form for form, gold in most.items() if len(gold) == 1 and found.split(form))
    return replace(found, whole=whole) if len(whole) <= MAX_FORMS else Enclitics()


def _infinitives(tags_of: dict[str, Counter[str]], dictionary: Dictionary | None) -> list[str]:
    """The last two letters of many lemmas of verbs in the dictionary, if most words with such lemmas are verbs."""
    if dictionary is None:
        return []
    of_verbs, of_all = Counter[str](), Counter[str]()
    for counts, lemma in zip(tags_of.values(), dictionary.look_up(list(tags_of)).lemmas, strict=True):
        if lemma:
            of_all[lemma[-2:]] += 1
            of_verbs[lemma[-2:]] += counts.most_common(1)[0][0] in VERBS
    least = MIN_SHARE * of_verbs.total()
    return sorted(end for end, count in of_verbs.items() if count > least and 2 * count > of_all[end])
