"""The values of `distill` in `conf/train.yaml` as a dataclass, checked."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from tagger.corpus.config import HubTextConfig
from tagger.errors import InputError
from tagger.training.structured import Checked, Count, Range, Rate, bad_value

MAX_TOP = 100  # of the teacher's tags that are kept of each word
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.5, 20.0


@dataclass
class DistillConfig(Checked):
    """How a student learns from a teacher."""

    prefix: ClassVar[str] = "distill."
    teacher: str | None
    text: Any  # None | str | list[str]
    hub: HubTextConfig
    ratio: Annotated[float, Range(0)]
    gold: Rate
    temperature: Annotated[float, Range(MIN_TEMPERATURE, MAX_TEMPERATURE)]
    top: Annotated[int, Range(1, MAX_TOP)]
    min_count: Count

    def __post_init__(self) -> None:
        super().__post_init__()
        patterns = self.text if isinstance(self.text, list) else [self.text] * (self.text is not None)
        if not all(isinstance(pattern, str) and pattern for pattern in patterns) or self.text == []:
            raise bad_value("distill.text", self.text, "give a file, a folder or a pattern, or a list of several")
        if self.text is not None and self.hub.name is not None:
            raise InputError("distill.text and distill.hub.name: choose one of the two")
        if self.has_text and not self.ratio:
            raise bad_value("distill.ratio", self.ratio, "give a number above 0, or leave out the text")
        if self.teacher == "":
            raise bad_value("distill.teacher", self.teacher, "give a name or a folder")
        if self.teacher == "latest":
            raise InputError("distill.teacher=latest would be another tagger when the run is resumed; name its folder")
        if self.has_text and self.teacher is None:
            key = "distill.text" if self.hub.name is None else "distill.hub.name"
            raise InputError(f"{key}: no teacher tags it; name one, distill.teacher=FOLDER")

    @property
    def has_text(self) -> bool:
        """Whether there is untagged text beside the corpus."""
        return self.text is not None or self.hub.name is not None
