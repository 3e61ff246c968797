"""`Bundle`: a trained tagger as one value, which `load` reads from a folder and `save` writes to one.

The folder has weights in safetensors, the rest in JSON, and a model card; no pickle. It may come from somebody else, so
the sizes in `config.json` are compared with those of the stored weights before memory of that size is allocated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import torch
from msgspec import Meta
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from tagger.bundle.saved_config import (
    CARD,
    DIGESTS,
    FORMAT,
    LEMMAS,
    LINEAR_WEIGHTS,
    MAX_MEMBERS,
    NOISE,
    TOKENIZER,
    VOCABULARY,
    WEIGHTS,
    Description,
    check_files,
    read_config,
    write_config,
)
from tagger.errors import InputError, reason
from tagger.model.decoder import MAX_TEMPERATURE, MIN_TEMPERATURE
from tagger.model.linear_chain import TABLES, LinearChain
from tagger.model.network import NetworkConfig, TaggerNetwork
from tagger.model.storage import build_without_memory, compress, expand, one_error, read_weights
from tagger.model.transformer import MAX_ENCODER_LAYERS, MULTILINGUAL, PieceTokenizer, is_carried
from tagger.model.vocabulary import Vocabulary, join_vocabularies
from tagger.pretrained.huggingface import load_tokenizer, load_weights
from tagger.segmenter.learned import LearnedSegmenter, load_segmenter
from tagger.text.output_files import whole_folder
from tagger.text.schema import (
    MAX_SIZE,
    MAX_VOCABULARY_BYTES,
    ShortName,
    Size,
    bad_value,
    one_of,
    read,
    read_json,
    shown,
    write_packed_json,
)
from tagger.text.strings import FEATS, LEMMA, UPOS, printable
from tagger.words.conventions import Conventions
from tagger.words.dictionary import LemmaReliability, open_dictionary
from tagger.words.segment import LEARNED, RULES

DECODERS = "decoders."  # prefix of the names of the decoders' weights
ENCODER = "transformer.encoder."  # prefix of the names of a transformer's own weights
TRANSITIONS = "decoder."  # prefix of the names of the transitions' scores of a linear chain


@dataclass(frozen=True, eq=False, repr=False)
class Member:
    """One of the networks whose scores are averaged."""

    network: TaggerNetwork  # in evaluation mode
    vocabulary: Vocabulary  # its own words and characters; its tags and their order are those of every member
    tokenizer: PieceTokenizer | None = None  # of its transformer
    weight: float = 1.0  # of its scores in the mean; the sum over all members is 1
    temperatures: Mapping[str, float] = field(default_factory=dict)  # that scores of a column are divided by before
    weights: Mapping[str, float] = field(default_factory=dict)  # instead of `weight` in some columns, also of sum 1

    def share(self, column: str) -> float:
        """What its scores of a column are multiplied by before those of all members are added."""
        return self.weights.get(column, self.weight) / self.temperatures.get(column, 1.0)


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear-chain CRF whose scores of a column are averaged with those of the networks."""

    column: str  # of tags, whose order is that of the tagger
    chain: LinearChain  # in evaluation mode
    weight: float  # of its scores in the mean; what the linear chains of a column leave of 1 is the networks'
    temperature: float = 1.0  # that its scores are divided by before

    @property
    def share(self) -> float:
        """What its scores are multiplied by before those of all members are added."""
        return self.weight / self.temperature

    @property
    def description(self) -> dict[str, Any]:
        """What `config.json` says of it."""
        values = {"column": self.column, "weight": self.weight, "temperature": self.temperature}
        dictionary = self.chain.dictionary.digests if self.chain.dictionary else {}
        return {**values, "features": self.chain.sizes, **({"dictionary": dictionary} if dictionary else {})}


@dataclass(frozen=True, eq=False, repr=False)
class Bundle:
    """A trained tagger. `dataclasses.replace` changes a part.

    The score of a tag is the weighted mean of the members' scores, each divided by the member's temperature of the
    column; the transitions of CRFs are averaged in the same way. So the probability of a sentence's tags is, up to a
    constant, the weighted geometric mean of the members' probabilities.
    """

    members: tuple[Member, ...]
    segmenter: str | LearnedSegmenter  # what cuts raw text: the name of rules, or a learned one
    config: dict[str, Any]  # what else `config.json` says: corpus, licence, scores, temperatures, how it was trained
    linear: tuple[Linear, ...] = ()
    lemmas: LemmaReliability | None = None  # of a dictionary, which then gives some to words that training lacks
    conventions: Conventions = field(default_factory=Conventions.of_language)  # of the text that it learned from

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """That of all members if they share one, else theirs joined; without combinations that conventions refuse."""
        vocabularies = list({id(member.vocabulary): member.vocabulary for member in self.members}.values())
        found = vocabularies[0] if len(vocabularies) == 1 else join_vocabularies(vocabularies)
        if not self.conventions.features or not {UPOS, FEATS} <= set(found.combined):
            return found
        upos, feats = (found.combined.index(column) for column in (UPOS, FEATS))
        allows = self.conventions.allows_features
        allowed = [c for c in found.combinations if allows(found.tags[UPOS][c[upos]], found.tags[FEATS][c[feats]])]
        return replace(found, combinations=allowed)

    @property
    def networks(self) -> list[TaggerNetwork]:
        """Those of the members."""
        return [member.network for member in self.members]

    @property
    def has_noise(self) -> bool:
        """Whether training has read spoilt copies of its sentences, of an ensemble that of all members."""
        return bool(self.config.get(NOISE) or (self.config.get("training") or {}).get("noise"))

    @property
    def description(self) -> dict[str, Any]:
        """The content of `config.json`."""
        vocabularies = self._vocabularies()
        members = [
            {
                "network": member.network.config,
                "weight": member.weight,
                "temperatures": dict(member.temperatures),
                "vocabulary": vocabularies.index(member.vocabulary),
                **({"weights": dict(member.weights)} if member.weights else {}),
            }
            for member in self.members
        ]
        segmenter = self.segmenter if isinstance(self.segmenter, str) else LEARNED
        linear = [member.description for member in self.linear]
        return {"format": FORMAT, **self.config, "segmenter": segmenter, "members": members, "linear": linear}

    def _vocabularies(self) -> list[Vocabulary]:
        """The different vocabularies of the members, in their order."""
        vocabularies: list[Vocabulary] = []
        for member in self.members:
            if member.vocabulary not in vocabularies:
                vocabularies.append(member.vocabulary)
        return vocabularies

    def save(self, folder: Path, card: str) -> None:
        """Writes the tagger. `folder` appears, or is replaced, only when all files are written.

        All weights are kept to the bit; `rounded` makes files smaller. A frozen transformer that can be had again is
        only named in the config. Tensors of members that are equal are stored once.
        """
        try:
            with whole_folder(folder) as partial:
                save_file(_stored_weights(self.networks), partial / WEIGHTS)
                chains: dict[str, Tensor] = {}
                for number, member in enumerate(self.linear):
                    weights = compress(member.chain.state_dict(), "float32", (TRANSITIONS,))
                    chains |= {f"{number}.{name}": each.clone() for name, each in weights.items()}  # shares no memory
                if chains:
                    save_file(chains, partial / LINEAR_WEIGHTS)
                self._save_tokenizers(partial)
                vocabularies = [asdict(vocabulary) for vocabulary in self._vocabularies()]
                write_packed_json(partial / VOCABULARY, {"vocabularies": vocabularies})
                if self.lemmas is not None:
                    write_packed_json(partial / LEMMAS, asdict(self.lemmas))
                if not isinstance(self.segmenter, str):
                    self.segmenter.save(partial)
                self.conventions.save(partial)
                write_config(partial, self.description)
                (partial / CARD).write_text(card, encoding="utf-8")
        except (OSError, SafetensorError) as error:
            raise InputError(f"{folder} cannot be written: {reason(error)}; make room or name another folder") from None

    def _save_tokenizers(self, folder: Path) -> None:
        """Writes each tokenizer, unless it is that of the nearest member before that has one."""
        last = None
        for number, member in enumerate(self.members):
            if member.tokenizer is not None:
                state = member.tokenizer.state()
                if state != last:
                    member.tokenizer.tokenizer.save_pretrained(_tokenizer_folder(folder, number))
                last = state

    @classmethod
    def load(cls, folder: Path) -> "Bundle":
        """Reads what `save` wrote, and the weights of a transformer that is only named.

        InputError says which file is missing, damaged, of another version, or does not fit the others.
        """
        config, vocabularies = read_description(folder)
        described = [(each, vocabularies[each["vocabulary"]]) for each in config.pop("members")]
        networks = _load_networks(folder, [(each["network"], vocabulary) for each, vocabulary in described])
        members = tuple(
            Member(network, vocabulary, tokenizer, each["weight"], each["temperatures"], each.get("weights", {}))
            for (network, tokenizer), (each, vocabulary) in zip(networks, described, strict=True)
        )
        linear = _load_linear(config.pop("linear"), members[0].vocabulary.tags, folder)
        name = config.pop("segmenter")
        del config["format"], config[DIGESTS]
        conventions = Conventions.load(folder)
        segmenter = load_segmenter(folder, conventions) if name == LEARNED else name
        return cls(members, segmenter, config, linear, read_lemmas(folder), conventions)

    def rounded(self, storage_dtype: str) -> "Bundle":
        """The same tagger, whose members are changed in place to the weights that a file of that dtype would have.

        Its folder is small, too, because `save` finds out in which dtype each tensor fits.
        """
        for network in self.networks:
            weights = network.state_dict()
            stored = _compressed(network, {name: weights[name] for name in _stored_names(network)}, storage_dtype)
            network.load_state_dict(expand(stored), strict=False)
        for member in self.linear:
            weights = member.chain.state_dict()
            member.chain.load_state_dict(expand(compress(weights, storage_dtype, (TRANSITIONS,))))
        return self

    def described(self, **values: Any) -> "Bundle":
        """The same tagger, of which `config.json` says something else."""
        return replace(self, config={**self.config, **values})


def networks_share(members: Sequence[Linear], column: str) -> float:
    """The weight that the linear chains of a column leave to the networks."""
    return 1 - sum(member.weight for member in members if member.column == column)


def _stored_weights(networks: Sequence[TaggerNetwork]) -> dict[str, Tensor]:
    """What the file of weights holds; names begin with the number of a member.

    A tensor that a member lacks is equal to that of the nearest member before that has it.
    """
    stored: dict[str, Tensor] = {}
    last: dict[str, Tensor] = {}
    memory: set[int] = set()  # safetensors wants none twice
    for number, network in enumerate(networks):
        weights, new = network.state_dict(), {}
        for name in _stored_names(network):
            tensor = weights[name].detach().cpu().contiguous()
            before = last.get(name)
            if before is None or tensor.dtype != before.dtype or not torch.equal(tensor, before):
                new[name] = last[name] = tensor.clone() if tensor.data_ptr() in memory else tensor
                memory.add(tensor.data_ptr())
        stored |= {f"{number}.{name}": tensor for name, tensor in _compressed(network, new, "float32").items()}
    return stored


def _stored_names(network: TaggerNetwork) -> list[str]:
    """The names of the weights that a folder has, which lacks those of a transformer that is only named."""
    names, transformer = list(network.state_dict()), network.transformer
    if transformer is None or is_carried(transformer.config):
        return names
    return [name for name in names if not name.startswith(ENCODER)]


def _compressed(network: TaggerNetwork, weights: Mapping[str, Tensor], storage_dtype: str) -> dict[str, Tensor]:
    """Some weights of a network as the file has them.

    The scores of transitions are few, and some are so low that no other would be left in a row of int8. int4 is not for
    the scores of tags: with it, FEATS of small taggers were up to 3.5 points less accurate.
    """
    stored = compress(weights, storage_dtype, (DECODERS,), ("embedding.", "encoder.", f"heads.{LEMMA}."))
    is_multilingual = network.transformer is not None and network.transformer.config["name"] == MULTILINGUAL
    if is_multilingual and storage_dtype not in ("int8", "int4"):
        # The weights of this encoder had 4 bits each, so int8 keeps those that training did not change. float16 keeps
        # what it learned.
        encoder = {name: tensor for name, tensor in weights.items() if name.startswith(ENCODER)}
        unchanged = compress(encoder, "float32")
        learned = [name for name, each in encoder.items() if each.dim() > 1 and unchanged[name].dtype != torch.int8]
        stored |= unchanged | compress({name: encoder[name] for name in learned}, "float16")
    return stored


def _load_networks(
    folder: Path, described: Sequence[tuple[Any, Vocabulary]]
) -> list[tuple[TaggerNetwork, PieceTokenizer | None]]:
    """The networks of configs and vocabularies with the weights of a folder, each with its transformer's tokenizer.

    The file lacks a tensor of a member that is equal to that of the nearest member before; so it is with tokenizers.
    """
    path = folder / WEIGHTS
    networks: list[TaggerNetwork] = []
    keys: list[dict[str, str]] = []  # of each member: the name of a weight -> its name in the file
    nearest: dict[str, str] = {}  # the same, of the nearest member that has a weight of this name
    expected: dict[str, Tensor] = {}
    with one_error(folder, WEIGHTS):
        with safe_open(path, "pt") as file:
            stored = set(file.keys())
        for number, (config, vocabulary) in enumerate(described):
            network = build_without_memory(lambda v=vocabulary, c=config: TaggerNetwork(v, c))  # type: ignore[misc]
            weights = network.state_dict()
            of_member = {}
            for name in _stored_names(network):
                key = f"{number}.{name}"
                if key not in stored and name in nearest:
                    key = nearest[name]
                    if (expected[key].shape, expected[key].dtype) != (weights[name].shape, weights[name].dtype):
                        raise ValueError(f"{number}.{name} is missing, and that of a member before has another shape")
                expected[key] = weights[name]
                of_member[name] = nearest[name] = key
            own = {name: key for name, key in of_member.items() if name.startswith("transformer.")}
            for other, of_other in zip(networks, keys, strict=True):  # which has all these weights from the same places
                same = own and own.items() <= of_other.items()
                if same and config["transformer"] == other.config["transformer"]:
                    network.transformer = other.transformer
            networks.append(network)
            keys.append(of_member)
    tensors = read_weights(path, expected)
    tokenizers: list[PieceTokenizer | None] = []
    tokenizer_of, read, last = folder / TOKENIZER, None, None  # of the nearest member before
    with one_error(folder, WEIGHTS):
        fetched: set[int] = set()  # transformers that the folder only names
        for number, (network, of_member) in enumerate(zip(networks, keys, strict=True)):
            transformer = network.transformer
            if transformer is not None:
                if not is_carried(transformer.config) and id(transformer) not in fetched:
                    load_weights(transformer, transformer.config)
                    fetched.add(id(transformer))
                own_tokenizer = _tokenizer_folder(folder, number)
                if own_tokenizer.is_dir() or transformer.config != read:
                    tokenizer_of, read = own_tokenizer if own_tokenizer.is_dir() else tokenizer_of, transformer.config
                    last = load_tokenizer(tokenizer_of, read)
            tokenizers.append(last if transformer is not None else None)
            others = {name: tensor for name, tensor in network.state_dict().items() if name not in of_member}
            network.load_state_dict({name: tensors[key] for name, key in of_member.items()} | others, assign=True)
            network.eval()
    return [*zip(networks, tokenizers, strict=True)]


def _tokenizer_folder(folder: Path, number: int) -> Path:
    return folder / (f"{TOKENIZER}-{number}" if number else TOKENIZER)


def _load_linear(
    described: Sequence[Mapping[str, Any]], tags: Mapping[str, Sequence[str]], folder: Path
) -> tuple[Linear, ...]:
    if not described:
        return ()
    path = folder / LINEAR_WEIGHTS
    with one_error(folder, LINEAR_WEIGHTS):
        chains = [
            build_without_memory(lambda e=each: LinearChain(e["features"], len(tags[e["column"]])))  # type: ignore[misc]
            for each in described
        ]
    for linear, each in zip(chains, described, strict=True):
        linear.dictionary = open_dictionary(**each["dictionary"]) if each.get("dictionary") else None
    keys = {f"{number}.tables.{table}.keys": "I32" for number in range(len(chains)) for table in TABLES}
    names = {f"{number}.{name}": each for number, c in enumerate(chains) for name, each in c.state_dict().items()}
    weights = read_weights(path, {name: each for name, each in names.items() if name not in keys}, keys)
    with one_error(folder, LINEAR_WEIGHTS):
        for name in keys:
            if (weights[name][1:] <= weights[name][:-1]).any():
                raise ValueError(f"{name} are not in ascending order")
        members = []
        for number, (linear, each) in enumerate(zip(chains, described, strict=True)):
            of_chain = {name: weights[f"{number}.{name}"] for name in linear.state_dict()}
            linear.load_state_dict(of_chain, assign=True)
            members.append(Linear(each["column"], linear.eval(), each["weight"], each["temperature"]))
    return tuple(members)


# What a folder's JSON says, which may come from somebody else. All numbers that decide how much memory or time the
# program takes are checked here, before anything of that size is allocated.

Temperature = Annotated[float, Meta(ge=MIN_TEMPERATURE, le=MAX_TEMPERATURE)]
Weight = Annotated[float, Meta(gt=0, le=1)]
_Vocabularies = Annotated[list[Vocabulary], Meta(min_length=1, max_length=MAX_MEMBERS)]
MAX_LEMMAS_BYTES = 50_000_000
SUM_TOLERANCE = 1e-6  # of the weights of members, whose sum is 1


@dataclass(kw_only=True)
class _MemberValues:
    network: NetworkConfig
    weight: Weight
    temperatures: dict[str, Temperature]
    vocabulary: Annotated[int, Meta(ge=0, le=MAX_MEMBERS)]
    weights: dict[str, Weight] = field(default_factory=dict)


@dataclass(kw_only=True)
class _LinearValues:
    column: ShortName
    weight: Annotated[float, Meta(gt=0, lt=1)]
    temperature: Temperature
    features: Annotated[list[Size], Meta(min_length=len(TABLES), max_length=len(TABLES))]
    dictionary: dict[ShortName, ShortName] = field(default_factory=dict)


@dataclass(kw_only=True)
class _Values(Description):
    """What `config.json` must hold besides."""

    members: Annotated[list[_MemberValues], Meta(min_length=1, max_length=MAX_MEMBERS)]
    segmenter: Annotated[str, one_of((*RULES, LEARNED))]
    linear: Annotated[list[_LinearValues], Meta(max_length=MAX_MEMBERS)]
    temperatures: dict[str, Temperature] = field(default_factory=dict)
    files: dict[ShortName, ShortName] = field(default_factory=dict)


def read_description(folder: Path) -> tuple[dict[str, Any], list[Vocabulary]]:
    """What the two files of JSON say, if all of it is as `Bundle.save` writes it, and they fit each other."""
    config = read_config(folder)
    with one_error(folder, WEIGHTS):
        checked = read(_Values, config)
    check_files(folder, checked.files)
    content = read_json(folder / VOCABULARY, MAX_VOCABULARY_BYTES)
    with one_error(folder, WEIGHTS):
        vocabularies = read(dict[str, _Vocabularies], content)["vocabularies"]
        for vocabulary in vocabularies:
            _check_vocabulary(vocabulary)
            if list(vocabulary.tags.items()) != list(vocabularies[0].tags.items()):
                raise ValueError("the vocabularies have other tags, or in another order")
        _check_members(checked, vocabularies[0].columns)
        if max(member.vocabulary for member in checked.members) >= len(vocabularies):
            raise ValueError("members: a number of a vocabulary is too large")
    return config, vocabularies


def read_lemmas(folder: Path) -> LemmaReliability | None:
    """How reliable the lemmas of a tagger's dictionary are; None if it has none."""
    if not (folder / LEMMAS).is_file():
        return None
    content = read_json(folder / LEMMAS, MAX_LEMMAS_BYTES)
    with one_error(folder, LEMMAS):
        found = read(LemmaReliability, content)
        if not found.dictionary:
            raise ValueError(f"{LEMMAS} has no dictionary")
        for tag, counts in [*found.known.items(), *found.new.items()]:
            if any(right > every for _, right, every in counts):
                raise ValueError(f"{LEMMAS}: of the words of {shown(tag)} more are right than there are")
    return found


def _check_members(config: _Values, columns: list[str]) -> None:
    """Raises ValueError unless the weights of the members fit each other, and all names of columns are such."""
    named = [("temperatures", config.temperatures)]
    for number, member in enumerate(config.members):
        named += [("temperatures", member.temperatures), ("weights", member.weights)]
        if (transformer := member.network["transformer"]) is not None:
            _check_settings(f"members.{number}.network.transformer.encoder", transformer["encoder"])
    for name, by_column in named:
        for column in by_column:
            if column not in columns:
                raise ValueError(f"a name in {name} is {shown(column)}, not one of {', '.join(columns)}")
    for column in ["", *columns]:
        weights = [member.weights.get(column, member.weight) for member in config.members]
        if abs(sum(weights) - 1) > SUM_TOLERANCE:
            raise ValueError(f"the weights of members are {shown(weights)}, not numbers above 0 with the sum 1")
    for column in {each.column for each in config.linear}:
        if sum(each.weight for each in config.linear if each.column == column) >= 1:
            raise ValueError(f"the weights of the linear chains of {shown(column)} leave nothing for the networks")


def _check_settings(name: str, value: Any) -> None:
    """Limits the whole numbers in a transformer's settings. Which settings there are is the package's business."""
    if isinstance(value, dict):
        for key, item in value.items():
            _check_settings(f"{name}.{key}", item)
    elif isinstance(value, list):
        for item in value:
            _check_settings(name, item)
    elif type(value) is int:
        most = MAX_ENCODER_LAYERS if "layer" in name.rpartition(".")[2] else MAX_SIZE
        if not -MAX_SIZE <= value <= most:
            raise bad_value(name, value, f"give a whole number, at most {most}")


def _check_vocabulary(vocabulary: Vocabulary) -> None:
    """Raises ValueError unless the values of a vocabulary fit each other, and its names have no control characters."""
    names = {"vectors": [*vocabulary.vectors], "columns": [*vocabulary.tags], "corpora": vocabulary.corpora}
    for name, strings in (names | {f"tags of {column}": tags for column, tags in vocabulary.tags.items()}).items():
        if len(set(strings)) < len(strings):
            raise ValueError(f"one of the {name} in the vocabulary occurs twice")
        for string in strings:
            if printable(string) != string:
                raise ValueError(f"one of the {name} in the vocabulary, {shown(string)}, has a control character")
    if any(not tags for tags in vocabulary.tags.values()):
        raise ValueError("a column in the vocabulary has no tags")
    for column, form_tags in vocabulary.form_tags.items():
        if column not in vocabulary.tags or len(form_tags) != len(vocabulary.forms):
            raise ValueError(f"form_tags of {shown(column)} are not one list for each form")
        if max(chain.from_iterable(form_tags), default=0) >= len(vocabulary.tags[column]):
            raise ValueError(f"a form has a script of {shown(column)} that there is not")
    sizes = [len(vocabulary.tags[column]) for column in vocabulary.combined]
    for combination in vocabulary.combinations:
        if len(combination) != len(sizes):
            raise ValueError(f"a combination is {shown(combination)}, but there are {len(sizes)} columns")
        if any(tag >= size for tag, size in zip(combination, sizes, strict=True)):
            raise ValueError(f"a combination is {shown(combination)}, and a column has no such tag")
