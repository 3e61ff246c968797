"""The protocol of the CoreNLP server, as NLTK's `CoreNLPParser` and Stanza's `CoreNLPClient` speak it.

Source: https://stanfordnlp.github.io/CoreNLP/corenlp-server.html. Of the annotators there are `tokenize`, `ssplit`,
`pos` and, of a model with lemmas, `lemma`; others are read and do nothing. `pos` is the model's XPOS, as CoreNLP's is
for English, or its first column if it has no XPOS; each token has `upos` as well.
"""

import ast
import json
from collections.abc import Iterable
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast
from urllib.parse import unquote_to_bytes

import msgspec
from fastapi import Request, Response

from tagger.serving import documents
from tagger.serving.batcher import Job, Render
from tagger.serving.bodies import MAX_FIELD, Refusal, read_spooled, size_of, spool
from tagger.serving.models import Service
from tagger.tagging import decoding
from tagger.tagging.document_tagger import DocumentTagger
from tagger.text.files import decoded_lines
from tagger.text.format import Part
from tagger.text.readers import read_parts
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG, encodable
from tagger.text.writers import writer

OUTPUTS = ("json", "conllu")
ONE_SENTENCE = ("ssplit.isOneSentence", "ssplit.eolonly")  # properties: a paragraph, or a line, is one sentence
MAX_FORM = 4_000_000  # bytes of a text that is percent-encoded, which is held in memory


async def answer(service: Service, request: Request) -> Response:
    """Annotates the text in the body.

    Raises:
        Refusal: the properties cannot be read, or there is no such output format, model or encoding.
    """
    properties = _properties(request)
    output = str(properties.get("outputFormat", "json")).lower()
    if output not in OUTPUTS:
        raise Refusal(400, f"outputFormat {output[:60]!r}: choose {' or '.join(OUTPUTS)}, such as output_format='json'")
    _, tagger = await service.found(request.query_params.get("model") or str(properties.get("model") or ""))
    annotators = {name.strip() for name in str(properties.get("annotators", "pos")).split(",")}
    tags = bool(annotators - {"tokenize", "ssplit", "mwt", "cleanxml", ""})
    columns = list(tagger.columns) if tags else []
    text, charset = await _text(request)
    with text:
        if output == "json":
            render, around, kind = _json(columns), (b'{"sentences":[', b"]}"), "application/json"
        else:
            blocks = documents.conllu_blocks(writer("conllu", columns))
            render, around, kind = (lambda found: blocks(found).encode()), (b"", b""), "text/plain; charset=utf-8"
        one = any(_is_true(properties, name) for name in ONE_SENTENCE)
        wanted = decoding.Request(tuple(columns)) if tags else None
        job = Job(tagger, _parts(tagger, text, charset, properties), size_of(text), wanted, render, one)
        return await documents.answer(job, service.batcher, request, around, kind)


def _properties(request: Request) -> dict[str, Any]:
    """The parameter `properties`: JSON, or a dictionary as Python prints it, which Stanza sends."""
    given = request.query_params.get("properties", "{}")
    if len(given) > MAX_FIELD:
        raise Refusal(413, f"properties has more than {MAX_FIELD:,} characters")
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(given)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, dict):
            return {str(key): value for key, value in found.items()}
    raise Refusal(400, f"properties is no JSON object: {given[:60]!r}")


def _is_true(properties: dict[str, Any], name: str) -> bool:
    return str(properties.get(name, "")).lower() == "true"


async def _text(request: Request) -> "tuple[SpooledTemporaryFile[bytes], str]":
    """The body and its encoding. A body that a form's type calls percent-encoded is decoded, as CoreNLP does."""
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    charset = rest.partition("charset=")[2].partition(";")[0].strip(" \"'") or "utf-8"
    text = await read_spooled(request)
    if kind.strip() == "application/x-www-form-urlencoded":
        with text as encoded:
            body = encoded.read(MAX_FORM + 1)
        if len(body) > MAX_FORM:
            raise Refusal(413, f"more than {MAX_FORM:,} bytes that are percent-encoded; send Content-Type: text/plain")
        text = spool()
        text.write(unquote_to_bytes(body.replace(b"+", b" ")))
    return text, charset


def _parts(
    tagger: DocumentTagger, text: "SpooledTemporaryFile[bytes]", charset: str, properties: dict[str, Any]
) -> Iterable[Part]:
    """The text, cut as the properties say.

    With `tokenize.whitespace` each line is a sentence whose tokens stand between spaces; with `ssplit.eolonly` each
    line is a sentence; with `ssplit.isOneSentence` all of the text is one.
    """
    lines: Iterable[str] = decoded_lines(cast(BinaryIO, text), documents.WHERE, charset, option="Content-Type")
    if charset.lower() != "utf-8":
        lines = map(encodable, lines)  # UTF-7 has lone surrogates
    if _is_true(properties, "ssplit.isOneSentence"):
        lines = (line.replace("\n", " ") for line in lines)
    if _is_true(properties, "tokenize.whitespace"):
        parts = read_parts(lines, documents.WHERE, "lines")
        return (part for part in parts if not isinstance(part, Sentence) or part.tokens)
    if not tagger.takes_text:
        raise Refusal(400, "this model takes tokens; set tokenize.whitespace to true")
    by_line = _is_true(properties, "ssplit.eolonly")
    parts = read_parts(lines, documents.WHERE, "text", paragraph_per_line=by_line or None)
    return documents.lines_as_sentences(parts) if by_line else parts


def _json(columns: list[str]) -> Render:
    """Makes a part of the list of sentences."""
    written, before = 0, ""

    def render(sentences: list[Sentence]) -> bytes:
        nonlocal written, before
        parts = []
        for index, sentence in enumerate(sentences, written):
            tokens, before = _tokens(sentence, columns, before)
            parts.append(msgspec.json.encode({"index": index, "tokens": tokens}))
        comma = b"," if written and parts else b""
        written += len(sentences)
        return comma + b",".join(parts)

    return render


def _tokens(sentence: Sentence, columns: list[str], before: str) -> tuple[list[dict[str, Any]], str]:
    """The tokens of a sentence as CoreNLP's JSON has them, and the white space after the last one.

    Args:
        sentence: tagged.
        columns: that it has.
        before: the white space before it.
    """
    spaces = ["" if space is False else " " for space in sentence.space_after or [True] * len(sentence)]
    originals = list(sentence.tokens)
    for start, stop, form in sentence.multiwords:  # the text of the token stands at its first word
        originals[start:stop] = [form] + [""] * (stop - start - 1)
    own_tags = any(tag != NO_TAG for tag in sentence.tags.get("xpos", []))  # not in every language
    tokens = []
    for i, form in enumerate(sentence.tokens):
        token = {"index": i + 1, "word": form, "originalText": originals[i]}
        token |= {"before": spaces[i - 1] if i else before, "after": spaces[i]}
        if sentence.offsets is not None:
            token["characterOffsetBegin"], token["characterOffsetEnd"] = sentence.offsets[i]
        token |= {column: sentence.tags[column][i] for column in columns}
        if columns:
            token["pos"] = token["xpos" if own_tags else columns[0]]
        tokens.append(token)
    return tokens, spaces[-1] if spaces else before
