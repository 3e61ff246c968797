"""Trains what finds the language of a text.

    python -m tagger.extras.languages.fit_identifier --corpora TREEBANKS [TREEBANKS ...] --text TEXTS [-o FILE]
        [--only LANGUAGE ...]

It learns from all that the taggers of `languages.csv` learn from but dev, and from their untagged text, in pieces of 1
to 30 words; and from their words alone, among which rare ones come oftener than in text. Words in Latin letters in text
of another script are names and terms of computing: they count as English. Names that many languages have tell none:
they are learned as words of any. Its accuracy on pieces of dev is printed, and that of py3langid among the same
languages (pip install py3langid). Without `-o` it is `data/languages.safetensors`. A file that is there is not made
again. With `--only` these languages alone are learned, against all others, whose weights stay those of the package.

It also prints, of the taggers in `data` together, how many sentences of dev get their language as paragraphs of a
document, and for which of spaCy's languages (pip install spacy) they take its example sentences.
"""

import argparse
import pkgutil
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import accumulate, chain
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch import nn
from torch.nn.functional import cross_entropy

from tagger.bundle.catalog import codes_of
from tagger.errors import InputError
from tagger.extras.languages.make import DATA, Language, read, rows
from tagger.tagging.identifier import (
    BIAS,
    IDENTIFIER,
    LATIN,
    SCALE,
    WEIGHTS,
    Identifier,
    load_identifier,
    pieces_of,
    script_of,
    words_of,
)
from tagger.tagging.languages import Languages
from tagger.text.paragraphs import Paragraph
from tagger.text.spacing import surface_tokens
from tagger.words.language_table import language_table

ROWS, STEPS, BATCH, RATE, SMOOTHING = 32768, 12000, 512, 0.02, 0.02
LENGTHS = (1, 1, 2, 3, 4, 6, 10, 15, 30)  # words of a piece in training, one of them by chance
SINGLE, POWER = 0.3, 0.6  # of the pieces: one or two words of a language, by a power of how often they occur
NAMES = 0.06  # of the pieces: up to three names that many languages have
NAME_LANGUAGES, NAME_COUNT, NAME_SHARE = 5, 2, 0.8  # that have a name, how often each, and what share has a capital
TERMS = 5  # words in Latin letters of other scripts' text in a row, as one text
SIZES, CASES = (1, 3, 10, 30), 200  # words of a piece in the evaluation, and pieces of each language
LATER = 2.7  # log odds that languages of data/more lose, so that short texts such as `God morgen!` are taken for others
DOCUMENT, PARAGRAPHS = 20, 100  # sentences of a document, and those of each language that are a paragraph after it
SHORT = 8  # words: paragraphs with fewer are counted apart
RELATED = ("croatian", "serbian")  # each has the other's corpus among its `others`
UNSPACED = ("chinese", "japanese", "thai")


def texts_of(path: Path | None) -> list[str]:
    """The sentences of a file of a treebank as text; none without a file."""
    found = []
    for sentence in read(path) if path is not None else []:
        spaces = sentence.space_after or [True] * len(sentence)
        tokens = surface_tokens(sentence)
        found.append("".join(token.form + " " * spaces[token.stop - 1] for token in tokens).strip())
    return found


def train_texts(language: Language) -> list[list[str]]:
    """The words of each sentence and paragraph that training has."""
    row = language.row
    files = [language.split_of(name, "train") for name in row.corpora.split()]
    others = [] if row.name in RELATED else row.others.split()
    for name in [*row.more.split(), *row.renewed.split(), *others]:
        files.append(language.find(name) if "/" in name else language.split_of(name, "train"))
    texts = [text for path in files for text in texts_of(path)]
    for name in row.text.split()[:1]:
        texts += (language.texts / name).read_text(encoding="utf-8").split("\n")
    return [words for text in texts if (words := words_of(text, names=True))]


def dev_texts(language: Language) -> list[str]:
    """The sentences of dev as text."""
    return [text for name in language.row.corpora.split() for text in texts_of(language.split_of(name, "dev"))]


def by_script(language: str, texts: list[list[str]]) -> tuple[list[list[str]], list[str]]:
    """The texts of a language without words in other scripts; and of these words those in Latin letters."""
    scripts, own, terms = language_table()[language].scripts, list[list[str]](), list[str]()
    for words in texts:
        used = [{script_of(letter) for letter in word if letter.isalpha()} for word in words]
        own.append([word for word, found in zip(words, used, strict=True) if found <= scripts])
        terms += [word for word, found in zip(words, used, strict=True) if found == {LATIN} and LATIN not in scripts]
    return [words for words in own if words], terms


def common_names(texts: Mapping[str, list[list[str]]]) -> list[str]:
    """The words that have a capital inside texts of many languages, but for German, and seldom none; in lower case."""
    capitals, plain = {language: Counter[str]() for language in texts}, Counter[str]()
    for language, own in texts.items():
        for word in chain.from_iterable(words[1:] for words in own if language != "german"):
            counted = capitals[language] if word[0].isupper() else plain
            counted[word.lower()] += 1
    languages, every = Counter[str](), Counter[str]()
    for counted in capitals.values():
        every += counted
        languages.update(word for word, count in counted.items() if count >= NAME_COUNT)
    found = [word for word, count in languages.items() if count >= NAME_LANGUAGES]
    return [word for word in found if every[word] >= NAME_SHARE * (every[word] + plain[word])]


def fit(
    texts: list[list[list[str]]], names: Sequence[str] = (), kept: Mapping[int, np.ndarray] = MappingProxyType({})
) -> tuple[np.ndarray, np.ndarray]:
    """The weights (R, L) and the bias (L,), given the texts of each language, and names that tell none.

    `kept` has the weights (R,) of languages that do not learn, and behind them the bias.
    """
    torch.manual_seed(1)
    chance, known = random.Random(1), dict[str, list[int]]()
    counts = [Counter(chain.from_iterable(own)) for own in texts]
    words_of_each = [list(counted) for counted in counts]
    shares = [list(accumulate(count**POWER for count in counted.values())) for counted in counts]
    order = [each for each in range(len(texts)) if each not in kept] + [*kept]
    places = torch.tensor(order).argsort()
    still = torch.tensor(np.array([*kept.values()], dtype=np.float32).reshape(-1, ROWS + 1)).T
    table = nn.EmbeddingBag(ROWS, len(texts) - still.shape[1], mode="sum")
    nn.init.zeros_(table.weight)
    bias = nn.Parameter(torch.zeros(table.embedding_dim))
    still_table = nn.EmbeddingBag.from_pretrained(still[:-1].contiguous(), mode="sum")
    optimizer = torch.optim.AdamW([*table.parameters(), bias], lr=RATE, weight_decay=0.001)
    rate = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, STEPS)
    for step in range(STEPS):
        pieces, starts, languages = list[int](), list[int](), list[int]()
        for _ in range(BATCH):
            language = chance.randrange(len(texts))
            kind = chance.random()
            if kind < NAMES and names:
                words = chance.choices(names, k=chance.choice((1, 2, 3)))
            elif kind < NAMES + SINGLE:
                size = chance.choice((1, 1, 2))
                words = chance.choices(words_of_each[language], cum_weights=shares[language], k=size)
            else:
                text = chance.choice(texts[language])
                size = min(len(text), chance.choice(LENGTHS))
                first = chance.randrange(len(text) - size + 1)
                words = text[first : first + size]
            starts.append(len(pieces))
            languages.append(language)
            for word in words:
                if word not in known:
                    known[word] = pieces_of(word, ROWS)
                pieces += known[word]
        where = torch.tensor(pieces), torch.tensor(starts)
        scores = torch.cat([table(*where) + bias, still_table(*where) + still[-1]], dim=1)[:, places]
        loss = cross_entropy(scores, torch.tensor(languages), label_smoothing=SMOOTHING)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        rate.step()
        if step % 500 == 499:
            print(f"step {step + 1}: loss {loss.item():.4f}", flush=True)
    weights = torch.cat([table.weight.detach(), still[:-1]], dim=1)[:, places]
    return weights.numpy(), torch.cat([bias.detach(), still[-1]])[places].numpy()


def piece(texts: list[str], size: int, spaced: bool, chance: random.Random) -> str:
    """A piece of `size` words in a row; of two letters each where no spaces part words."""
    text, place = "", chance.randrange(len(texts))
    while place < len(texts) and len(text.split() if spaced else text) < size * (1 if spaced else 2):
        text = f"{text} {texts[place]}".strip()
        place += 1
    units = text.split() if spaced else list(text.replace(" ", ""))
    wanted = size if spaced else 2 * size
    first = chance.randrange(max(1, len(units) - wanted + 1))
    return (" " if spaced else "").join(units[first : first + wanted])


def report(identifier: Identifier, languages: list[Language]) -> None:
    """Prints the accuracies for each size, and the commonest mistakes."""
    from py3langid.langid import _load_identifier

    other = _load_identifier()
    codes = {language.row.name: [c for c in codes_of(language.row.name) if c in other.labels] for language in languages}
    other.set_languages([code for own in codes.values() for code in own])
    names = {code: name for name, own in codes.items() for code in own}
    print(
        "| words | this one | on the languages of py3langid | py3langid | commonest mistakes |\n|---|---|---|---|---|"
    )
    each: dict[str, list[str]] = {language.row.name: [] for language in languages}
    for size in SIZES:
        right, theirs, cases, wrong = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
        for language in languages:
            name, chance = language.row.name, random.Random(size)
            texts = dev_texts(language)
            for _ in range(CASES):
                text = piece(texts, size, name not in UNSPACED, chance)
                words = words_of(text, names=True)
                if words:
                    found = identifier.languages[identifier.of_document([words])[0].argmax()]
                    cases[name] += 1
                    right[name] += found == name
                    theirs[name] += names.get(other.classify(text)[0]) == name
                    wrong[f"{name}: {found}"] += found != name
            each[name] += [f"{100 * right[name] / cases[name]:.0f}", f"{100 * theirs[name] / cases[name]:.0f}"]
        shared = [name for name, own in codes.items() if own]
        shares = [
            100 * sum(counts[name] for name in among) / sum(cases[name] for name in among)
            for counts, among in ((right, list(codes)), (right, shared), (theirs, shared))
        ]
        mistakes = ", ".join(f"{pair} {count}" for pair, count in wrong.most_common(6))
        print(f"| {size} | " + " | ".join(f"{share:.1f}" for share in shares) + f" | {mistakes} |", flush=True)
    print("language, then ours and py3langid's for each size:")
    for name, cells in each.items():
        print(name, *cells)


def report_paragraphs(every: Languages, languages: list[Language]) -> None:
    """Prints how many sentences of dev get their own language, as paragraphs of documents in it and in another one."""
    chance = random.Random(1)
    texts = {each.row.name: dev_texts(each) for each in languages if each.row.name in every.languages}
    cases, wrong = Counter[str](), Counter[str]()
    for name, sentences in texts.items():
        for size in ("short", "long"):
            own = [text for text in sentences[DOCUMENT:] if (0 < len(words_of(text)) < SHORT) == (size == "short")]
            for text in chance.sample(own, min(len(own), PARAGRAPHS)):
                other = chance.choice([each for each in texts if each != name])
                for kind, document in (("their own", name), ("another", other)):
                    parts = [Paragraph(0, "\n".join(texts[document][:DOCUMENT]), True), Paragraph(0, text, True)]
                    *_, last = every.with_languages(parts)
                    found = {document: "the document's", name: "theirs"}.get(last.language or "", "a third")
                    cases[f"{size} paragraphs of documents in {kind} language get {found}"] += 1
                    wrong[f"{name}: {last.language}"] += last.language not in (name, document)
    for kind, count in sorted(cases.items()):
        print(f"{kind}: {count:,}")
    print("third languages:", ", ".join(f"{pair} {count}" for pair, count in wrong.most_common(6)), flush=True)


def report_documents(every: Languages) -> None:
    """Prints for which of spaCy's languages the examples get another language than theirs."""
    import spacy.lang

    wrong, count = [], 0
    for module in pkgutil.iter_modules(spacy.lang.__path__):
        code = module.name
        try:
            text = "\n".join(import_module(f"spacy.lang.{code}.examples").sentences)
        except ImportError:
            continue
        count += 1
        own = next((name for name in every.languages if code in codes_of(name)), None)
        try:
            found = every.language_of(text)
        except InputError:
            found = None
        if found != own:
            wrong.append(f"{code}: {found or 'refused'}")
    print(f"examples of spaCy: {count - len(wrong)} of {count} languages are right; {', '.join(wrong)}")


def weights_of(path: Path) -> dict[str, np.ndarray]:
    """The weights (R,) of each language in a file, and behind them its bias."""
    stored = load_file(path)
    (name,) = (name for name in stored if name.startswith(WEIGHTS))
    columns = np.vstack([stored[name] * stored[SCALE], stored[BIAS]]).T
    return dict(zip(name.split()[1:], columns, strict=True))


def save(languages: list[str], weights: np.ndarray, bias: np.ndarray, path: Path) -> None:
    """Writes one byte for each weight, as `Identifier.load` reads them."""
    scale = np.abs(weights).max(axis=0) / 127
    levels = np.ascontiguousarray(np.round(weights / scale).astype(np.int8))
    name = " ".join([WEIGHTS, *languages])
    save_file({name: levels, SCALE: scale.astype(np.float32), BIAS: bias.astype(np.float32)}, path)


def main() -> None:
    """Trains, saves and scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", nargs="+", type=Path, required=True, metavar="TREEBANKS")
    parser.add_argument("--text", type=Path, required=True, metavar="TEXTS")
    parser.add_argument("-o", dest="out", type=Path, default=DATA / IDENTIFIER, metavar="FILE")
    parser.add_argument("--only", nargs="+", default=[], metavar="LANGUAGE", help="learn these alone")
    arguments = parser.parse_args()
    missing = [name for name in ("py3langid", "spacy") if find_spec(name) is None]
    if missing:
        parser.error(f"the scores compare with {' and '.join(missing)}; pip install {' '.join(missing)}")
    torch.set_num_threads(1)
    found = [row for row in rows() if row.found == "found"]
    languages = [Language(row, arguments.corpora, arguments.text, Path("work")) for row in found]
    if not arguments.out.is_file():
        texts, terms = dict[str, list[list[str]]](), list[str]()
        for language in languages:
            texts[language.row.name], others = by_script(language.row.name, train_texts(language))
            terms += others
        texts["english"] += [terms[first : first + TERMS] for first in range(0, len(terms), TERMS)]
        names = common_names(texts)
        untold = {*names}
        told = [
            [[word.lower() for word in words if word.lower() not in untold] for words in own] for own in texts.values()
        ]
        stored = weights_of(DATA / IDENTIFIER) if arguments.only else {}
        kept = {place: stored[name] for place, name in enumerate(texts) if stored and name not in arguments.only}
        weights, bias = fit([list(filter(None, own)) for own in told], names, kept)
        bias -= [LATER * language_table()[name].more for name in texts]
        save(list(texts), weights, bias, arguments.out)
    report(load_identifier(arguments.out), languages)
    every = Languages("cpu")
    report_paragraphs(every, languages)
    report_documents(every)


if __name__ == "__main__":
    main()
