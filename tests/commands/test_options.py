"""What the options say of other rooms, whose modules their help does not import."""

from typing import get_args

from tagger.analysis.occurrences import MIN_OCCURRENCES
from tagger.commands.options import DEFAULT_MODEL, Precision, format_help
from tagger.tagging.batches import BATCH_TOKENS, PRECISIONS
from tagger.tagging.engine import CACHE_SIZE
from tagger.text.formats import INPUTS, OUTPUTS, SUFFIXES
from tagger.weights.catalog import DEFAULT, LATEST
from tests.commands.conftest import call


def shown(command: str) -> str:
    """The help of a command in one line."""
    return " ".join(call(command, "--help").stdout.split())


def test_defaults_and_bounds_are_those_of_the_rooms() -> None:
    assert DEFAULT_MODEL == DEFAULT
    assert f"[default: {LATEST}]" in shown("fill")
    assert f"at least {BATCH_TOKENS}. Default: {CACHE_SIZE}." in shown("tag")
    assert f"{MIN_OCCURRENCES}<=x<=" in shown("senses")
    assert get_args(Precision) == ("auto", *PRECISIONS)


def test_the_help_says_what_every_format_is() -> None:
    table = format_help(outputs=True)
    assert max(map(len, table.splitlines())) <= 78  # the help indents it by 2
    plain = " ".join(table.split())
    for meaning in (*INPUTS.values(), *OUTPUTS.values()):
        assert meaning in plain
    for suffix in SUFFIXES:
        assert suffix in plain
    assert "for the terminal" in shown("tag")
    assert "CoNLL-U (.conllu .conll-u)" in shown("evaluate")
