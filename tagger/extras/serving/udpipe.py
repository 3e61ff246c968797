"""The REST protocol of UDPipe 2: its clients work with this service, unmodified.

Source: https://lindat.mff.cuni.cz/services/udpipe/api-reference.php, and the behaviour of udpipe2_server.py of
https://github.com/ufal/udpipe. There is no parser here: the parameter `parser` is read and does nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

import msgspec
from fastapi import APIRouter, Request, Response

from tagger.errors import InputError
from tagger.extras.serving import documents
from tagger.extras.serving.batcher import Render, TextJob
from tagger.extras.serving.bodies import MULTIPART, TEXT, URLENCODED, Refusal, read_form
from tagger.extras.serving.service import Service
from tagger.tagging import tagger_options
from tagger.tagging.tagger import DocumentTagger
from tagger.text.files import decoded_lines
from tagger.text.formats import read_parts, writer
from tagger.text.paragraphs import Part
from tagger.text.sentence import Sentence

INPUTS = {"conllu": "conllu", "horizontal": "lines", "vertical": "tokens"}
OUTPUTS = ("conllu", "horizontal", "vertical")
COLUMNS = ("upos", "xpos", "feats", "lemma")  # that CoNLL-U has a place for
TAB = "\t"

_ABOUT = {
    "data": "The text.",
    "model": "A name that GET /models lists, or its beginning up to a hyphen. Default: the first.",
    "tokenizer": "Its presence says that data is running text. Options: presegmented, ranges.",
    "tagger": "Its presence says that words are tagged.",
    "input": "Without tokenizer: conllu (the default), horizontal or vertical.",
    "output": "conllu (the default), horizontal or vertical.",
}
_QUERY: list[dict[str, Any]] = [
    {"name": name, "in": "query", "required": name == TEXT, "description": about, "schema": {"type": "string"}}
    for name, about in _ABOUT.items()
]
_FIELDS = {name: {"type": "string", "description": about} for name, about in _ABOUT.items()}
_FORM = {"schema": {"type": "object", "required": [TEXT], "properties": _FIELDS}}


def routes(service: Service) -> APIRouter:
    """The paths `/models` and `/process`."""
    router = APIRouter(tags=["UDPipe"])

    @router.get("/models", summary="UDPipe: the models")
    async def models() -> dict[str, Any]:
        """Lists the models and what each can do, in UDPipe's form."""
        able = {n: ["tokenizer", "tagger"] if t.takes_text else ["tagger"] for n, t in service.taggers.items()}
        return {"models": able, "default_model": service.default}

    @router.get("/process", summary="UDPipe: tag a text", openapi_extra={"parameters": _QUERY})
    @router.post(
        "/process",
        summary="UDPipe: tag a text",
        openapi_extra={"requestBody": {"required": True, "content": {URLENCODED: _FORM, MULTIPART: _FORM}}},
    )
    async def process(request: Request) -> Response:
        """Tags a text in UDPipe's form; parameters stand in the query or in a form.

        `tokenizer` and `tagger` count when they are there, whatever their value. The reply has `model`,
        `acknowledgements` and `result`. Errors are plain text with status 400.
        """
        fields, text, size = await read_form(request)
        name, tagger = await service.choose(fields.get("model"))
        if text is None:
            raise Refusal(400, "the parameter data is missing; it has the text")
        way, output = _input_way(fields), fields.get("output", "conllu").partition("=")[0]
        if output not in OUTPUTS:
            raise Refusal(400, f"unknown output format {output[:60]!r}; choose {', '.join(OUTPUTS)}")
        tags = "tagger" in fields
        columns = [column for column in COLUMNS if column in tagger.columns] if tags else []
        if tags and not columns:
            raise Refusal(400, f"the model {name} has no column of CoNLL-U; use /v1/tag")
        before = msgspec.json.encode({"model": name, "acknowledgements": []})[:-1] + b',"result":"'
        if output == "conllu" and way.format != "conllu":
            licence = tagger.config.get("license")
            comments = f"# generator = tagger\n# udpipe_model = {name}\n"
            comments += f"# udpipe_model_licence = {licence}\n" if licence else ""
            before += _escaped(comments)
        wanted = tagger_options.Request(tuple(tagger.columns)) if tags else None  # all columns are chosen together
        parts, render = _parts(tagger, text, way), _render(columns, output, way.ranges)
        job = TextJob(tagger, parts, size, wanted, render, way.one_sentence)
        return await documents.answer(job, service.batcher, request, before, lambda _: b'"}\n', "application/json")

    return router


class _InputWay(NamedTuple):
    """How the text of a request is read."""

    format: str  # one of `tagger.text.formats.INPUTS`
    one_sentence: bool = False  # whether each line is a sentence, which is only cut into tokens
    ranges: bool = False  # whether MISC says where each token stands


def _input_way(fields: dict[str, str]) -> _InputWay:
    if "tokenizer" in fields:
        options = {option.partition("=")[0].strip() for option in fields["tokenizer"].split(";")}
        return _InputWay("text", "presegmented" in options, "ranges" in options)
    format = fields.get("input", "conllu").partition("=")[0]
    if format not in INPUTS:
        raise Refusal(400, f"unknown input format {format[:60]!r}; choose {', '.join(INPUTS)}, or name a tokenizer")
    return _InputWay(INPUTS[format])


def _parts(tagger: DocumentTagger, text: BinaryIO, way: _InputWay) -> Iterable[Part]:
    lines: Iterable[str] = decoded_lines(text, documents.WHERE, option="")
    if way.format == "text" and not tagger.takes_text:
        raise Refusal(400, "this model takes tokens; leave out the tokenizer, and send input=vertical or conllu")
    if way.format != "text":
        lines = (line.replace("\r\n", "\n") for line in lines)
    parts = read_parts(lines, documents.WHERE, way.format, paragraph_per_line=way.one_sentence)
    if way.format == "conllu":
        return _hinted(parts)
    return documents.lines_as_sentences(parts) if way.one_sentence else parts


def _hinted(parts: Iterable[Part]) -> Iterator[Part]:
    """The same; the error of a text that is no CoNLL-U says what else it may be."""
    try:
        yield from parts
    except InputError as error:
        raise InputError(f"{error}. For running text add the parameter tokenizer; for tokens, input=vertical") from None


def _escaped(text: str) -> bytes:
    """A part of a string of JSON."""
    return msgspec.json.encode(text)[1:-1]


def _render(columns: list[str], output: str, ranges: bool) -> Render:
    """Makes a part of `result`."""
    write: Callable[[list[Sentence]], str]
    if output == "conllu":
        block = writer("conllu", columns)
        write = documents.conllu_blocks((lambda s: _with_ranges(block(s), s)) if ranges else block)
    elif output == "horizontal":
        write = _horizontal
    else:
        write = _vertical
    return lambda sentences: _escaped(write(sentences))


def _with_ranges(block: str, sentence: Sentence) -> str:
    """A block of a new sentence whose MISC says where each token stands; a multiword token has its own row."""
    if sentence.offsets is None:
        return block
    inside = {word for start, stop, _ in sentence.multiwords for word in range(start, stop)}
    rows = block.split("\n")
    for i, row in enumerate(rows):
        first, dash, _ = row.partition(TAB)[0].partition("-")
        if first.isdigit() and (dash or int(first) - 1 not in inside):
            start, end = sentence.offsets[int(first) - 1]
            kept = "" if row.endswith(f"{TAB}_") else f"{row.rpartition(TAB)[2]}|"
            rows[i] = f"{row.rpartition(TAB)[0]}{TAB}{kept}TokenRange={start}:{end}"
    return "\n".join(rows)


def _horizontal(sentences: list[Sentence]) -> str:
    return "".join([" ".join(form.replace(" ", "\u00a0") for form in s.tokens) + "\n" for s in sentences])


def _vertical(sentences: list[Sentence]) -> str:
    return "".join(["".join(f"{form}\n" for form in s.tokens) + "\n" for s in sentences])
