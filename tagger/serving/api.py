"""The service's own protocol: JSON in, the tags of a text or of tokens out, with probabilities and alternatives."""

import asyncio
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from tagger.analysis.explain import explain
from tagger.serving import documents
from tagger.serving.batcher import Job, Render
from tagger.serving.bodies import Refusal, body, json_body, read_json
from tagger.serving.models import Service, description, wanted_columns
from tagger.tagging import decoding
from tagger.text.format import Unit
from tagger.text.sentence import Sentence
from tagger.text.writers import writer

MAX_TOP = 50
MAX_WORK = 20_000_000  # characters, times the number of tags of each word
Tokens = Annotated[list[str], Field(fail_fast=True)]  # one error is enough
Output = Literal["json", "jsonl", "conllu", "tsv", "csv", "slash"]


class TagRequest(BaseModel):
    """What `POST /v1/tag` reads: a text, or the tokens of a sentence or of several."""

    model_config = ConfigDict(extra="forbid")
    text: str | None = Field(default=None, description="Running text, read as `tagger tag` reads a file.")
    tokens: Tokens | Annotated[list[Tokens], Field(fail_fast=True)] | None = Field(
        default=None, description="A sentence, or a list of sentences."
    )
    model: str | None = Field(default=None, description="A name that `GET /v1/models` lists. Default: the first.")
    columns: Tokens | None = Field(default=None, description="Such as `upos`. Default: all that the model has.")
    top: Annotated[int, Field(ge=1, le=MAX_TOP)] = Field(default=1, description=f"Tags of each word, 1 to {MAX_TOP}.")
    probabilities: bool | None = Field(default=None, description="Default: true for `json` and `jsonl`.")
    output: Output = Field(default="json", description="`json`, or a format of `tagger tag --output` as plain text.")


class TaggedSentence(BaseModel):
    """A sentence of N words. Each column has three keys: `upos`, `upos_probabilities` and `upos_alternatives`."""

    model_config = ConfigDict(extra="allow")
    tokens: list[str]
    offsets: list[tuple[int, int]] | None = Field(default=None, description="Start and end of words, in code points.")
    space_after: list[bool] | None = Field(default=None, description="Whether white space follows each word.")
    multiwords: list[tuple[int, int, str]] | None = Field(
        default=None, description="First word, one after the last, form."
    )
    text: str | None = None


class TagReply(BaseModel):
    """What `POST /v1/tag` answers."""

    model: str
    columns: list[str]
    sentences: list[TaggedSentence]


class ExplainRequest(BaseModel):
    """What `POST /v1/explain` reads: the tokens of one sentence."""

    model_config = ConfigDict(extra="forbid")
    tokens: Tokens = Field(description="The words of one sentence.")
    model: str | None = None
    column: str | None = Field(default=None, description="Default: the model's first.")


def routes(service: Service) -> APIRouter:
    """The paths below `/v1`."""
    router = APIRouter(prefix="/v1", tags=["tagger"])
    one_at_a_time = asyncio.Semaphore()  # it takes long, and batches take turns with it

    @router.get("/models", summary="The models")
    async def list_models() -> dict[str, Any]:
        """Lists the models: their columns, tags, training data, licence and scores. The first one is the default."""
        default, _ = service.find(None)
        return {"default": default, "models": [description(*each) for each in service.taggers.items()]}

    @router.post(
        "/tag",
        summary="Tag a text or tokens",
        response_model=TagReply,
        openapi_extra=body(json_body(TagRequest, {"text": "They book flights.", "top": 2})),
    )
    async def tag(request: Request) -> Response:
        """Tags a text or tokens. `offsets` count the characters (code points) of the text."""
        asked = await read_json(request, TagRequest)
        name, tagger = service.find(asked.model)
        columns = wanted_columns(tagger, asked.columns)
        wanted = decoding.Request(tuple(tagger.columns), asked.top, probabilities=True)  # all are chosen together
        if (asked.text is None) == (asked.tokens is None):
            raise Refusal(400, 'give either "text" or "tokens"')
        units: Iterable[Unit]
        if asked.text is not None:
            units, size = documents.units_of_text(tagger, asked.text), len(asked.text)
        else:
            sentences = _sentences(asked.tokens or [])
            units, size = map(Sentence, sentences), sum(len(form) + 1 for tokens in sentences for form in tokens)
        if size * asked.top > MAX_WORK:
            raise Refusal(
                413, f"{asked.top} tags for each of {size:,} characters are too many; send less, or lower top"
            )
        kind = "application/json" if asked.output == "json" else "text/plain; charset=utf-8"
        before, render, after = _written(name, columns, asked)
        window = max(1000, documents.WINDOW // asked.top)
        job = Job(tagger, units, size, wanted, render)
        return await documents.answer(job, service.batcher, request, (before, after), kind, window)

    @router.post(
        "/explain",
        summary="Explain the tags of a sentence",
        openapi_extra=body(json_body(ExplainRequest, {"tokens": ["They", "book", "flights", "."]})),
    )
    async def explained(request: Request) -> Response:
        """Says what each tag of a sentence rests on: the words before it, those after it, and those that decide it.

        The probability of the tag is given for the whole sentence, for the word with the words on its left, with those
        on its right, and for the word alone. `decided_by` has what its probability loses without another word.
        """
        asked = await read_json(request, ExplainRequest)
        _, tagger = service.find(asked.model)
        async with one_at_a_time:
            found = await asyncio.to_thread(explain, tagger, [asked.tokens], asked.column)
        return Response(orjson.dumps(asdict(found[0])), media_type="application/json")

    return router


def _sentences(tokens: list[str] | list[list[str]]) -> list[list[str]]:
    """The sentences that a request names; a list of strings is one."""
    if all(isinstance(item, list) for item in tokens):
        return tokens  # type: ignore[return-value]
    return [tokens]  # type: ignore[list-item]


def _written(name: str, columns: list[str], asked: TagRequest) -> tuple[bytes, Render, bytes]:
    """The beginning of the answer, what makes a part of it of some sentences, and its end.

    Raises:
        InputError: the format has no place for what is asked for.
    """
    format = "jsonl" if asked.output == "json" else asked.output
    weighs = format == "jsonl" if asked.probabilities is None else asked.probabilities
    write = writer(format, columns, probabilities=weighs, top=asked.top)
    if asked.output == "conllu":
        blocks = documents.conllu_blocks(write)
        return b"", lambda sentences: blocks(sentences).encode(), b""
    if asked.output != "json":
        return b"", lambda sentences: "".join(map(write, sentences)).encode(), b""
    head = orjson.dumps({"model": name, "columns": columns})[:-1] + b',"sentences":['
    first = True

    def render(sentences: list[Sentence]) -> bytes:
        nonlocal first
        comma = "" if first or not sentences else ","
        first = first and not sentences
        return (comma + ",".join([write(sentence)[:-1] for sentence in sentences])).encode()

    return head, render, b"]}"
