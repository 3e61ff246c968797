"""What every embedding of word forms is: a class with its values, its feature of a form and its weights.

To add one, write such a class in a file of its own and name it in `embeddings.EMBEDDINGS`. Its values need lines in
`conf/train.yaml` and, if pretraining may use it, in `conf/pretrain.yaml`.
"""

# U distinct forms

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, ClassVar, Self

import numpy as np
from torch import Tensor, nn

from tagger.model.vocabulary import Vocabulary

Feature = Callable[[list[str]], np.ndarray]  # U forms to an array of whole numbers with a row for each, (U,) or (U, n)


class FormPart(nn.Module):
    """One embedding of a form. It depends on the form's spelling alone, so that each form is embedded once.

    Attributes:
        Values: a dataclass of the part's settings, the keys below `embedding` in `conf/train.yaml`.
        Config: a dataclass of what the part is built from, and what is saved of it; often the same as `Values`. A part
            whose first value is 0 or null is left out.
        size_keys: the keys of the page that decide how many weights the part has.
        is_pretrained: whether it reads files of vectors, which pretraining does not.
        ends_in_padding: whether a row of the feature is padded, so that a batch cuts it to its longest form.
        width: the size of the result.
    """

    Values: ClassVar[type[Any]]
    Config: ClassVar[type[Any]]
    size_keys: ClassVar[str]
    is_pretrained: ClassVar[bool] = False
    ends_in_padding: ClassVar[bool] = False
    width: int

    @classmethod
    def is_in(cls, config: Mapping[str, Any]) -> bool:
        """Whether a network of this config has the part."""
        return bool(config.get(fields(cls.Config)[0].name))

    @classmethod
    def config_of(cls, config: Mapping[str, Any]) -> Any:
        """The part's own values in the config of a network."""
        return cls.Config(**{field.name: config[field.name] for field in fields(cls.Config)})

    @classmethod
    @abstractmethod
    def build(cls, vocabulary: Vocabulary, config: Any) -> Self:
        """Makes the part; `config` is a `Config`."""

    @classmethod
    @abstractmethod
    def feature(cls, vocabulary: Vocabulary, config: Any) -> Feature:
        """Makes the function from forms to what `forward` reads of them."""

    @abstractmethod
    def forward(self, feature: Tensor) -> Tensor:
        """The feature of U forms to (U, width)."""

    def for_tagging(self) -> nn.Module:
        """What computes the same as `forward`, perhaps faster, from the weights as they are now."""
        return self
