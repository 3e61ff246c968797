"""What the options say of other rooms, whose modules their help does not import."""

from pathlib import Path
from typing import get_args

import pytest

from tagger.commands.options import Precision
from tagger.model.device import PRECISIONS
from tests.commands.conftest import check_replaces_nothing


def test_defaults_and_bounds_are_those_of_the_rooms() -> None:
    assert get_args(Precision) == ("auto", *PRECISIONS)


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("--html", "evaluate in.conllu --model MODEL"),
        ("--html", "evaluate gold.conllu --model MODEL --lexicon in.conllu"),
        ("-o", "lexicon in.conllu --min-count 1"),
    ],
)
def test_a_file_that_is_read_is_never_replaced_and_others_only_by_force(
    option: str, line: str, two_files: Path, model: Path
) -> None:
    check_replaces_nothing(two_files, option, line.replace("MODEL", str(model)))
