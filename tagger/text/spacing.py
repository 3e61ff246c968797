"""Sentences of CoNLL-U -> paragraphs of raw text, with the place of every token.

Two sources say where the text has spaces: the comment `# text` and `SpaceAfter=No`. In a valid treebank they agree but
for the kind of space (two spaces, a no-break space), which `# text` alone tells. So inside a sentence `# text` is taken
if it consists of the sentence's tokens and white space, else `SpaceAfter`. Between two sentences only `SpaceAfter`
knows: there is a space unless the last token of the first has `SpaceAfter=No`.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, islice
from typing import NamedTuple

import regex

from tagger.errors import InputError, shorten
from tagger.text.sentence import Sentence, Token
from tagger.text.strings import SPACE

_SPACES = regex.compile(f"[{SPACE}]+")
_PARAGRAPH = regex.compile(r"# *new(?:par|doc)\b")
_CLOSING, _OPENING = frozenset("!),.:;?]}…”»%"), frozenset("([{“«")
SPACED_MARKS = 0.9  # share of commas, or of full stops, with a space before them
JUDGED = 1_000  # sentences at the start of a file; if none of them shows spacing, the file has none


class GoldParagraph(NamedTuple):
    """A paragraph of raw text with its gold sentences, of which none is empty."""

    text: str
    sentences: list[Sentence]
    tokens: list[list[Token]]  # of each sentence


_Spaced = tuple[str, list[tuple[int, int]]]  # a sentence's text without spaces around it, and the spans of its tokens
_Placed = tuple[Sentence, str, list[tuple[int, int]]]  # a sentence, and the same


class SurfaceToken(NamedTuple):
    """A token of a sentence as it stands in the text; its words are `sentence.tokens[start:stop]`."""

    form: str
    start: int
    stop: int
    multiword: bool


def surface_tokens(sentence: Sentence) -> Iterator[SurfaceToken]:
    """Yields the tokens of a sentence: its multiword tokens, and its words that are in none of them."""
    multiwords = {start: (form, start, stop, True) for start, stop, form in sentence.multiwords}
    at = 0
    while at < len(sentence.tokens):
        token = SurfaceToken(*multiwords.get(at, (sentence.tokens[at], at, at + 1, False)))
        yield token
        at = token.stop


def without_spaces(text: str) -> str:
    """The characters of a text that tokens are made of."""
    return str(_SPACES.sub("", text))


def begins_paragraph(sentence: Sentence) -> bool:
    """Whether the sentence has a comment `# newpar` or `# newdoc`."""
    return any(_PARAGRAPH.match(comment) for comment in sentence.comments)


def has_spacing(sentences: Iterable[Sentence]) -> bool:
    """Whether it is known where the text of these sentences has spaces. Reads up to the first sentence that shows it.

    That is a sentence whose `# text` consists of its tokens and white space, or one with a `SpaceAfter=No`. Sentences
    with neither may come from a file that never had spacing, such as a column file.
    """
    return any(_spelled(s) is not None or _has_space_after_no(s) for s in sentences if s.tokens)


def gold_paragraphs(sentences: Iterable[Sentence], path: str = "", *, skip: bool = False) -> Iterator[GoldParagraph]:
    """Yields the paragraphs of a file as raw text. Reads `sentences` as it goes.

    A paragraph begins at a sentence with a `# newpar` or `# newdoc` comment. Where a file has no such comments it is
    one long paragraph. A paragraph is held in memory as a whole; the time is linear in the text. Sentences without
    words are left out.

    A token that has spaces inside (Vietnamese) has them in the text too. A sentence with neither a `# text` that fits
    nor `SpaceAfter=No` has a space after each token. With `skip` a sentence without known spacing ends the paragraph
    and is left out. Else it is an InputError, as is a file whose first 1,000 sentences show no spacing.
    """
    paragraph: list[_Placed] = []
    for number, sentence in enumerate(sentences if skip else _checked(sentences, path), 1):
        try:
            spaced = _spaced(sentence, _location(path, sentence, number)) if sentence.tokens else None
        except InputError:
            if not skip:
                raise
            spaced = None
        if paragraph and (begins_paragraph(sentence) or (sentence.tokens and not spaced)):
            yield _joined_paragraph(paragraph)
            paragraph = []
        if spaced:
            paragraph.append((sentence, *spaced))
    if paragraph:
        yield _joined_paragraph(paragraph)


def _joined_paragraph(sentences: Sequence[_Placed]) -> GoldParagraph:
    parts: list[str] = []
    size = 0
    paragraph: list[list[Token]] = []
    for sentence, text, spans in sentences:
        paragraph.append(
            [
                Token(size + a, size + b, tuple(sentence.tokens[token.start : token.stop]) if token.multiword else ())
                for token, (a, b) in zip(surface_tokens(sentence), spans, strict=True)
            ]
        )
        space = " " if sentence.space_after is None or sentence.space_after[-1] else ""
        parts += [text, space]
        size += len(text) + len(space)
    return GoldParagraph("".join(parts[:-1]), [sentence for sentence, _, _ in sentences], paragraph)


def with_usual_spacing(paragraphs: Sequence[GoldParagraph]) -> list[GoldParagraph]:
    """Paragraphs with every second sentence without spaces before marks, if commas or full stops have one before them.

    Some treebanks, such as UD Vietnamese VTB, write `Tôi ăn cơm .` in `# text`, too, which nobody else does. Not each
    sentence is there in both ways: what a segmenter counts in text would know all its words.
    """
    counts: dict[str, list[int]] = {",": [0, 0], ".": [0, 0]}  # of each mark with a space before it, and without
    for paragraph in paragraphs:
        for token in chain.from_iterable(paragraph.tokens):
            count = counts.get(paragraph.text[token.start : token.end])
            if count and token.start:
                count[not paragraph.text[token.start - 1].isspace()] += 1
    is_odd = any(spaced > SPACED_MARKS * (spaced + others) for spaced, others in counts.values())
    return [*map(_without_spaces_at_marks, paragraphs)] if is_odd else [*paragraphs]


def _without_spaces_at_marks(paragraph: GoldParagraph) -> GoldParagraph:
    parts: list[str] = []
    size = end = 0
    opened = quoted = False  # whether the last token was an opening mark; whether a straight quote is open
    sentences: list[list[Token]] = []
    for number, tokens in enumerate(paragraph.tokens):
        moved: list[Token] = []
        for token in tokens:
            form = paragraph.text[token.start : token.end]
            closes = form in _CLOSING or (form == '"' and quoted)
            is_free = number % 2 == 0 or not moved or not (opened or closes)
            gap = paragraph.text[end : token.start] if is_free else ""
            parts += [gap, form]
            moved.append(token._replace(start=size + len(gap), end=size + len(gap) + len(form)))
            size, end = moved[-1].end, token.end
            quoted ^= form == '"'
            opened = form in _OPENING or (form == '"' and quoted)
        sentences.append(moved)
    return GoldParagraph("".join(parts), paragraph.sentences, sentences)


def _location(path: str, sentence: Sentence, number: int) -> str:
    return f"{path}{', ' if path else ''}sentence {sentence.name or number}"


def _checked(sentences: Iterable[Sentence], path: str) -> Iterator[Sentence]:
    rest = iter(sentences)
    first = list(islice(rest, JUDGED))
    if not has_spacing(first):
        for number, sentence in enumerate(first, 1):
            if sentence.tokens and sentence.text is None:
                raise InputError(
                    f"{_location(path, sentence, number)} has no `# text` comment, and no token has SpaceAfter=No, so"
                    " it is not known where the text has spaces; add `# text`"
                )
    return chain(first, rest)


def _spaced(sentence: Sentence, where: str) -> _Spaced:
    """The text of a sentence with at least one word; error messages say `where` it stands."""
    for token in surface_tokens(sentence):
        if not without_spaces(token.form):
            raise InputError(
                f"{where}: the form {shorten(token.form)} of word {token.start + 1} is white space; give it another"
            )
    if spelled := _spelled(sentence):
        return spelled
    if sentence.text is not None and not _has_space_after_no(sentence):
        forms = "".join(token.form for token in surface_tokens(sentence))
        raise InputError(
            f"{where}: its words spell {shorten(forms)}, its `# text` {shorten(sentence.text)}; correct one"
        )
    return _joined(sentence)


def _spelled(sentence: Sentence) -> _Spaced | None:
    """The text of `# text`; None if there is none or if it is something else than the tokens and white space."""
    text = sentence.text
    if text is None:
        return None
    spans = []
    at = 0
    for token in surface_tokens(sentence):
        start = _after_spaces(text, at)
        if text.startswith(token.form, start) and not _SPACES.search(token.form):
            at = start + len(token.form)
        else:
            at = start
            for character in without_spaces(token.form):
                at = _after_spaces(text, at)
                if not text.startswith(character, at):
                    return None
                at += 1
        spans.append((start, at))
    if not spans or _after_spaces(text, at) < len(text):
        return None
    first = spans[0][0]
    return text[first:at], [(start - first, end - first) for start, end in spans]


def _after_spaces(text: str, at: int) -> int:
    spaces = _SPACES.match(text, at)
    return spaces.end() if spaces else at


def _joined(sentence: Sentence) -> _Spaced:
    """The text that the tokens and `space_after` give."""
    tokens = list(surface_tokens(sentence))
    forms = [_SPACES.sub(" ", token.form).strip(" ") for token in tokens]
    after = sentence.space_after
    gaps = [" " if after is None or after[token.stop - 1] else "" for token in tokens]
    gaps[-1] = ""
    starts = accumulate((len(form) + len(gap) for form, gap in zip(forms, gaps, strict=True)), initial=0)
    spans = [(start, start + len(form)) for start, form in zip(starts, forms, strict=False)]
    return "".join(map("".join, zip(forms, gaps, strict=True))), spans


def _has_space_after_no(sentence: Sentence) -> bool:
    after = sentence.space_after
    return after is not None and not all(after[token.stop - 1] for token in surface_tokens(sentence))
