"""The payload of Hugging Face's task token classification, which `huggingface_hub.InferenceClient` sends.

Source: https://huggingface.co/docs/inference-providers/tasks/token-classification. The tags are those of the model's
first column, or of the column that `parameters.column` names.
"""

from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from tagger.serving.batcher import Job
from tagger.serving.bodies import body, json_body, parameter, read_json
from tagger.serving.documents import parts_of_text, told, windows
from tagger.serving.models import Service, wanted_columns
from tagger.tagging import decoding
from tagger.text.schema import remedy
from tagger.text.sentence import Sentence

MAX_TEXT = 200_000  # characters of a text, which is tagged at once; other protocols take longer ones
MAX_TEXTS = 1_000


@dataclass(kw_only=True)
class Parameters:
    """How the tags are given back. Keys that other models have are read and do nothing."""

    OTHERS: ClassVar[bool] = True
    aggregation_strategy: Annotated[
        Literal["none", "simple", "first", "average", "max"] | None,
        Meta(description="Default: each word is a group. `none`: no groups. Others: neighbours with one tag are one."),
    ] = None
    ignore_labels: Annotated[list[str], Meta(description="Tags that are left out.")] = field(default_factory=list)
    column: Annotated[str | None, Meta(description="Such as `xpos`. Default: the model's first.")] = None


EXAMPLE = {"inputs": "They book flights.", "parameters": {"aggregation_strategy": "none"}}
Input = Annotated[str, Meta(max_length=MAX_TEXT)]


@dataclass(kw_only=True)
class Payload:
    """A text or several, and how the tags are given back."""

    OTHERS: ClassVar[bool] = True
    inputs: Annotated[
        Input | Annotated[list[Input], Meta(max_length=MAX_TEXTS)],
        remedy(f"a text of at most {MAX_TEXT:,} characters, or a list of at most {MAX_TEXTS:,}"),
    ]
    parameters: Parameters = field(default_factory=Parameters)


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
    _, tagger = await service.found(name)
    (column,) = wanted_columns(tagger, [payload.parameters.column or tagger.columns[0]])
    texts = [payload.inputs] if isinstance(payload.inputs, str) else payload.inputs
    wanted = decoding.Request(tuple(tagger.columns), probabilities=True)  # all columns are chosen together
    answers = []
    for text in texts:
        render = partial(_entities, text, column, payload.parameters)
        job = await told(Job(tagger, parts_of_text(tagger, text), len(text), wanted, render))
        job.parts = [part async for parts in windows(job) for part in parts]
        answers.append(await service.batcher.run(job))
    found = answers[0] if isinstance(payload.inputs, str) else b"[" + b",".join(answers) + b"]"
    return Response(found, media_type="application/json")


def _entities(text: str, column: str, parameters: Parameters, sentences: list[Sentence]) -> bytes:
    """The words of a text, or its groups, as JSON."""
    words: list[dict[str, Any]] = []
    for sentence in sentences:
        spans = sentence.offsets or [(0, 0)] * len(sentence)
        shares = sentence.probabilities.get(column)  # None: the language has no such column
        rows = zip(sentence.tokens, sentence.tags[column], shares, spans, strict=True) if shares else ()
        words += [
            {"entity": tag, "score": score, "word": form, "start": start, "end": end}
            for form, tag, score, (start, end) in rows
            if tag not in parameters.ignore_labels
        ]
    if parameters.aggregation_strategy not in (None, "none"):
        return msgspec.json.encode(
            [_group(text, list(group)) for _, group in groupby(words, lambda word: word["entity"])]
        )
    for index, word in enumerate(words, 1):
        word["index"] = index
        if parameters.aggregation_strategy is None:  # for clients that ask for nothing and expect groups
            word["entity_group"] = word["entity"]
    return msgspec.json.encode(words)


def _group(text: str, words: list[dict[str, Any]]) -> dict[str, Any]:
    start, end = words[0]["start"], words[-1]["end"]
    return {
        "entity_group": words[0]["entity"],
        "score": sum(word["score"] for word in words) / len(words),
        "word": text[start:end],
        "start": start,
        "end": end,
    }
