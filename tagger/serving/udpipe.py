"""The REST protocol of UDPipe 2: its clients work with this service, unmodified.

Source: https://lindat.mff.cuni.cz/services/udpipe/api-reference.php, and the behaviour of `udpipe2_server.py` of
https://github.com/ufal/udpipe. There is no parser here: the parameter `parser` is read and does nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, NamedTuple, cast

import msgspec
from fastapi import APIRouter, Request, Response

from tagger.errors import InputError
from tagger.serving import documents
from tagger.serving.batcher import Job, Render
from tagger.serving.bodies import TEXT, Form, Refusal, body, parameter, read_form, size_of
from tagger.serving.models import Service
from tagger.tagging import decoding
from tagger.tagging.document_tagger import DocumentTagger
from tagger.text.files import decoded_lines
from tagger.text.format import Part
from tagger.text.readers import read_parts
from tagger.text.sentence import Sentence
from tagger.text.writers import Writer, writer

INPUTS = {"conllu": "conllu", "horizontal": "lines", "vertical": "tokens"}
OUTPUTS = ("conllu", "horizontal", "vertical")
ACKNOWLEDGEMENTS: list[str] = []
TAB = "\t"
COLUMNS = ("upos", "xpos", "feats", "lemma")  # that CoNLL-U has a place for


def routes(service: Service) -> APIRouter:
    """The paths `/models` and `/process`."""
    router = APIRouter(tags=["UDPipe"])

    @router.get("/models", summary="UDPipe: the models")
    async def models() -> dict[str, Any]:
        """Lists the models and what each can do, in UDPipe's form."""
        default, _ = service.find(None)
        able = {n: ["tokenizer", "tagger"] if t.takes_text else ["tagger"] for n, t in service.taggers.items()}
        return {"models": able, "default_model": default}

    @router.get("/process", summary="UDPipe: tag a text", openapi_extra=_PARAMETERS)
    @router.post("/process", summary="UDPipe: tag a text", openapi_extra=_FORM)
    async def process(request: Request) -> Response:
        """Tags a text in UDPipe's form; parameters stand in the query, or in a form that may be of any size.

        `tokenizer` and `tagger` count when they are there, whatever their value. The reply has `model`,
        `acknowledgements` and `result`. Errors are plain text with status 400.
        """
        form = await read_form(request)
        try:
            return await _process(service, request, form)
        finally:
            form.close()

    return router


class _Way(NamedTuple):
    """How the text of a request is read."""

    format: str  # one of `tagger.text.formats.INPUTS`
    one_sentence: bool = False  # whether each line is a sentence, which is only cut into tokens
    ranges: bool = False  # whether MISC says where each token stands


async def _process(service: Service, request: Request, form: Form) -> Response:
    name, tagger = await service.found(form.fields.get("model"))
    if form.text is None:
        raise Refusal(400, "the parameter data is missing; it has the text")
    way, output = _way(form.fields), form.fields.get("output", "conllu").partition("=")[0]
    if output not in OUTPUTS:
        raise Refusal(400, f"unknown output format {output[:60]!r}; choose {', '.join(OUTPUTS)}")
    tags = "tagger" in form.fields
    columns = [column for column in COLUMNS if column in tagger.columns] if tags else []
    if tags and not columns:
        raise Refusal(400, f"the model {name} has no column of CoNLL-U; use /v1/tag")
    head = msgspec.json.format(
        msgspec.json.encode({"model": name, "acknowledgements": ACKNOWLEDGEMENTS, "result": ""}), indent=2
    )
    before = head[: head.rindex(b'"')]
    if output == "conllu" and way.format != "conllu":
        licence = tagger.config.get("license")
        comments = f"# generator = tagger\n# udpipe_model = {name}\n"
        comments += f"# udpipe_model_licence = {licence}\n" if licence else ""
        before += msgspec.json.encode(comments)[1:-1]
    wanted = decoding.Request(tuple(tagger.columns)) if tags else None  # all columns are chosen together
    render, parts = _render(columns, output, way.ranges), _parts(tagger, form.text, way)
    job = Job(tagger, parts, size_of(form.text), wanted, render, way.one_sentence)
    return await documents.answer(job, service.batcher, request, (before, b'"\n}\n'), "application/json")


def _way(fields: dict[str, str]) -> _Way:
    if "tokenizer" in fields:
        options = {option.partition("=")[0].strip() for option in fields["tokenizer"].split(";")}
        return _Way("text", "presegmented" in options, "ranges" in options)
    format = fields.get("input", "conllu").partition("=")[0]
    if format not in INPUTS:
        raise Refusal(400, f"unknown input format {format[:60]!r}; choose {', '.join(INPUTS)}, or name a tokenizer")
    return _Way(INPUTS[format])


def _parts(tagger: DocumentTagger, text: "SpooledTemporaryFile[bytes]", way: _Way) -> Iterable[Part]:
    lines: Iterable[str] = decoded_lines(cast(BinaryIO, text), documents.WHERE, option="")
    if way.format == "text" and not tagger.takes_text:
        raise Refusal(400, "this model takes tokens; leave out the tokenizer, and send input=vertical or conllu")
    if way.format != "text":
        lines = (line.replace("\r\n", "\n") for line in lines)
    parts = read_parts(lines, documents.WHERE, way.format, paragraph_per_line=way.one_sentence or None)
    if way.format == "conllu":
        return _hinted(parts)
    return documents.lines_as_sentences(parts) if way.one_sentence else parts


def _hinted(parts: Iterable[Part]) -> Iterator[Part]:
    """The same; the error of a text that is no CoNLL-U says what else it may be."""
    try:
        yield from parts
    except InputError as error:
        raise InputError(f"{error}. For running text add the parameter tokenizer; for tokens, input=vertical") from None


def _render(columns: list[str], output: str, ranges: bool) -> Render:
    """Makes a part of `result`, escaped as JSON demands."""
    write: Callable[[list[Sentence]], str]
    match output:
        case "conllu":
            write = documents.conllu_blocks(_conllu_writer(columns, ranges))
        case "horizontal":
            write = _horizontal
        case _:
            write = _vertical
    return lambda sentences: msgspec.json.encode(write(sentences))[1:-1]


def _conllu_writer(columns: list[str], ranges: bool) -> Writer:
    plain = writer("conllu", columns)
    return (lambda sentence: _with_ranges(plain(sentence), sentence)) if ranges else plain


def _with_ranges(block: str, sentence: Sentence) -> str:
    """A block of a new sentence whose MISC says where each token stands; a multiword token has its own row."""
    if sentence.offsets is None:
        return block
    inside = {word for start, stop, _ in sentence.multiwords for word in range(start, stop)}
    rows = block.split("\n")
    for i, row in enumerate(rows):
        first, dash, _ = row.partition("\t")[0].partition("-")
        if first.isdigit() and (dash or int(first) - 1 not in inside):
            start, end = sentence.offsets[int(first) - 1]
            kept = "" if row.endswith("\t_") else f"{row.rpartition(TAB)[2]}|"
            rows[i] = f"{row.rpartition(TAB)[0]}\t{kept}TokenRange={start}:{end}"
    return "\n".join(rows)


def _horizontal(sentences: list[Sentence]) -> str:
    return "".join([" ".join(form.replace(" ", "\u00a0") for form in s.tokens) + "\n" for s in sentences])


def _vertical(sentences: list[Sentence]) -> str:
    return "".join(["".join(f"{form}\n" for form in s.tokens) + "\n" for s in sentences])


_ABOUT = {
    "data": "The text.",
    "model": "A name that GET /models lists, or its beginning up to a hyphen. Default: the first.",
    "tokenizer": "Its presence says that data is running text. Options: presegmented, ranges.",
    "tagger": "Its presence says that words are tagged.",
    "input": "Without tokenizer: conllu (the default), horizontal or vertical.",
    "output": "conllu (the default), horizontal or vertical.",
}
_PARAMETERS = {"parameters": [parameter(name, about, required=name == TEXT) for name, about in _ABOUT.items()]}
_SCHEMA = {
    "type": "object",
    "required": ["data"],
    "properties": {name: {"type": "string", "description": about} for name, about in _ABOUT.items()},
}
_FORM = body({kind: {"schema": _SCHEMA} for kind in ("application/x-www-form-urlencoded", "multipart/form-data")})
