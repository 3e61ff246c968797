"""The service's own protocol: JSON in, the tags of a text or of tokens out, with probabilities and alternatives."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from tagger.extras.serving import documents
from tagger.extras.serving.batcher import Render, TextJob
from tagger.extras.serving.bodies import Refusal, json_body, read_json
from tagger.extras.serving.service import Service, description, wanted_columns
from tagger.tagging import tagger_options
from tagger.tagging.languages import THIN
from tagger.text.formats import writer
from tagger.text.paragraphs import Part
from tagger.text.sentence import Sentence

MAX_TOP = 50


def _about(text: str) -> Meta:
    return Meta(description=text)


@dataclass(kw_only=True)
class TagRequest:
    """What `POST /v1/tag` reads: a text, or the tokens of a sentence or of several."""

    text: Annotated[str | None, _about("Running text, read as `tagger tag` reads a file.")] = None
    tokens: Annotated[list[str | list[str]] | None, _about("A sentence, or a list of sentences.")] = None
    model: Annotated[str | None, _about("A name of `GET /v1/models`, or a language (`de`). Default: the first.")] = None
    language: Annotated[str | None, _about("Such as `german` or `de`. Default: found from the text.")] = None
    columns: Annotated[list[str] | None, _about("Such as `upos`. Default: all that the model has.")] = None
    top: Annotated[int, Meta(ge=1, le=MAX_TOP, description=f"Tags of each word, 1 to {MAX_TOP}.")] = 1
    probabilities: Annotated[bool | None, _about("Default: true for `json` and `jsonl`.")] = None
    output: Annotated[
        Literal["json", "jsonl", "conllu", "tsv", "csv"],
        _about("`json`, or a format of `tagger tag --output` as plain text."),
    ] = "json"


def routes(service: Service) -> APIRouter:
    """The paths below `/v1`."""
    router = APIRouter(prefix="/v1", tags=["tagger"])

    @router.get("/models", summary="The models")
    async def list_models() -> dict[str, Any]:
        """Lists the models: their columns, tags, training data, licence and scores. The first one is the default."""
        return {"default": service.default, "models": [description(*each) for each in service.taggers.items()]}

    @router.post(
        "/tag",
        summary="Tag a text or tokens",
        openapi_extra=json_body(TagRequest, {"text": "They book flights.", "top": 2}),
    )
    async def tag(request: Request) -> Response:
        """Tags a text or tokens.

        The reply has `model`, `columns`, `sentences` and `warnings`, lines about the model and the text. A sentence has
        `tokens` and, for each column such as `upos`, `upos`, `upos_probabilities` and `upos_alternatives`; a text's
        sentence also has `text`, `space_after`, `multiwords` (first word, one after the last, form) and `offsets`,
        which count code points. Where the model finds the language of each paragraph, a sentence has its `language`.
        """
        asked = await read_json(request, TagRequest)
        name, tagger = await service.choose(asked.model, asked.language)
        columns = wanted_columns(tagger, asked.columns)
        wanted = tagger_options.Request(tuple(tagger.columns), asked.top, probabilities=True)  # all are chosen together
        if (asked.text is None) == (asked.tokens is None):
            raise Refusal(400, 'give either "text" or "tokens"')
        parts: Iterable[Part]
        if asked.text is not None:
            parts, size = documents.parts_of_text(tagger, asked.text), len(asked.text)
        else:
            sentences = _sentences(asked.tokens or [])
            parts, size = map(Sentence, sentences), sum(len(form) + 1 for tokens in sentences for form in tokens)
        kind = "application/json" if asked.output == "json" else "text/plain; charset=utf-8"
        thin = [f"{name}: {THIN}"] if tagger.config.get("thin") else []
        before, render, after = _written(name, columns, asked, thin)
        window = max(1000, documents.WINDOW // asked.top)
        job = TextJob(tagger, parts, size, wanted, render)
        return await documents.answer(job, service.batcher, request, before, after, kind, window)

    return router


def _sentences(tokens: list[str | list[str]]) -> list[list[str]]:
    """The sentences that a request names; a list of strings is one."""
    sentences = [item for item in tokens if isinstance(item, list)]
    if sentences and len(sentences) < len(tokens):
        raise Refusal(400, 'tokens: give a sentence, ["a", "b"], or a list of sentences, [["a"], ["b"]]')
    return sentences if len(sentences) == len(tokens) else [[str(item) for item in tokens]]


def _written(
    name: str, columns: list[str], asked: TagRequest, warnings: list[str]
) -> tuple[bytes, Render, documents.After]:
    """The beginning of the answer, what makes a part of it of some sentences, and what makes its end."""
    format = "jsonl" if asked.output == "json" else asked.output
    weighs = format == "jsonl" if asked.probabilities is None else asked.probabilities
    write = writer(format, columns, probabilities=weighs, top=asked.top)
    if asked.output == "conllu":
        blocks = documents.conllu_blocks(write)
        return b"", lambda sentences: blocks(sentences).encode(), lambda _: b""
    if asked.output != "json":
        return b"", lambda sentences: "".join(map(write, sentences)).encode(), lambda _: b""
    head = msgspec.json.encode({"model": name, "columns": columns})[:-1] + b',"sentences":['
    first = True

    def render(sentences: list[Sentence]) -> bytes:
        nonlocal first
        comma = "" if first or not sentences else ","
        first = first and not sentences
        return (comma + ",".join([write(sentence)[:-1] for sentence in sentences])).encode()

    return head, render, lambda found: b'],"warnings":' + msgspec.json.encode([*warnings, *found]) + b"}"
