"""The payload of Hugging Face's task token classification, which `huggingface_hub.InferenceClient` sends.

Source: https://huggingface.co/docs/inference-providers/tasks/token-classification. The tags are those of the model's
first column, or of the column that `parameters.column` names.
"""

from itertools import groupby
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from tagger.serving.batcher import Job
from tagger.serving.bodies import read_json
from tagger.serving.models import wanted_columns
from tagger.serving.openapi import body, json_body, json_errors, parameter
from tagger.serving.service import Service, units_of_text
from tagger.tagging import decoding
from tagger.text.sentence import Sentence

MAX_TEXT = 200_000  # characters of a text, which is tagged at once; other protocols take longer ones
MAX_TEXTS = 1_000


class Parameters(BaseModel):
    """How the tags are given back. Keys that other models have are read and do nothing."""

    aggregation_strategy: Literal["none", "simple", "first", "average", "max"] | None = Field(
        default=None,
        description="Default: each word is a group. `none`: no groups. Others: neighbours with one tag are one.",
    )
    ignore_labels: Annotated[list[str], Field(fail_fast=True)] = Field(
        default=[], description="Tags that are left out."
    )
    column: str | None = Field(default=None, description="Such as `xpos`. Default: the model's first.")


_Short = Field(max_length=MAX_TEXT)


EXAMPLE = {"inputs": "They book flights.", "parameters": {"aggregation_strategy": "none"}}


class Payload(BaseModel):
    """A text or several, and how the tags are given back."""

    inputs: (
        Annotated[str, _Short] | Annotated[list[Annotated[str, _Short]], Field(fail_fast=True, max_length=MAX_TEXTS)]
    )
    parameters: Parameters = Parameters()


def is_payload(request: Request) -> bool:
    """Whether a request to `/` is of this protocol, rather than of CoreNLP's."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" and "properties" not in request.query_params


def routes(service: Service) -> APIRouter:
    """The path of each model."""
    router = APIRouter(tags=["Hugging Face"])

    @router.post(
        "/models/{name}",
        summary="Hugging Face: classify the tokens of a text",
        responses=json_errors(),
        openapi_extra=body(json_body(Payload, EXAMPLE), [parameter("name", "The model.", "path", required=True)]),
    )
    async def classify(request: Request) -> Response:
        """Tags a text in the form of Hugging Face's token classification, such as `InferenceClient(model=URL)`."""
        return await answer(service, request, request.path_params["name"])

    return router


async def answer(service: Service, request: Request, name: str | None) -> Response:
    """The tags of the texts in the body.

    Raises:
        Refusal: the body is no such payload, or there is no such model or column.
    """
    payload = await read_json(request, Payload)
    _, tagger = service.models.find(name)
    (column,) = wanted_columns(tagger, [payload.parameters.column or tagger.columns[0]])
    texts = [payload.inputs] if isinstance(payload.inputs, str) else payload.inputs
    wanted = decoding.Request(tuple(tagger.columns), probabilities=True)  # all columns are chosen together
    answers = []
    for text in texts:
        job = Job(
            tagger,
            lambda text=text: units_of_text(tagger, text),  # type: ignore[misc]
            len(text),
            wanted,
            lambda sentences, text=text: orjson.dumps(_entities(text, sentences, column, payload.parameters)),  # type: ignore[misc]
        )
        answers.append(await service.batcher.run(job))
    found = answers[0] if isinstance(payload.inputs, str) else b"[" + b",".join(answers) + b"]"
    return Response(found, media_type="application/json")


def _entities(text: str, sentences: list[Sentence], column: str, parameters: Parameters) -> list[dict[str, Any]]:
    words = []
    for sentence in sentences:
        spans = sentence.offsets or [(0, 0)] * len(sentence)
        rows = zip(sentence.tokens, sentence.tags[column], sentence.probabilities[column], spans, strict=True)
        words += [
            {"entity": tag, "score": score, "word": form, "start": start, "end": end}
            for form, tag, score, (start, end) in rows
            if tag not in parameters.ignore_labels
        ]
    if parameters.aggregation_strategy is None:  # for clients that ask for nothing and expect groups
        return [{**word, "entity_group": word["entity"], "index": i} for i, word in enumerate(words, 1)]
    if parameters.aggregation_strategy == "none":
        return [{**word, "index": i} for i, word in enumerate(words, 1)]
    return [_group(text, list(group)) for _, group in groupby(words, lambda word: word["entity"])]


def _group(text: str, words: list[dict[str, Any]]) -> dict[str, Any]:
    start, end = words[0]["start"], words[-1]["end"]
    return {
        "entity_group": words[0]["entity"],
        "score": sum(word["score"] for word in words) / len(words),
        "word": text[start:end],
        "start": start,
        "end": end,
    }
