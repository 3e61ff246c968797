"""Files in the format E5S1: what is read from one, and what is said of a damaged one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tagger.errors import InputError
from tagger.pretrained.e5_file import EncoderFile
from tests.pretrained.e5 import PIECES, SIZES, expected, tensors, write_e5


def test_everything_is_read(tmp_path: Path) -> None:
    file = EncoderFile(write_e5(tmp_path / "e5.bin"))
    assert file.sizes._asdict() == SIZES
    assert file.epsilon == pytest.approx(1e-12)
    assert (file.special.begin, file.special.end, file.special.padding, file.special.unknown) == (0, 2, 1, 3)
    assert file.pieces == PIECES
    np.testing.assert_allclose(file.scores[[0, -1]], [-1, -3.3], rtol=1e-6)
    for name, tensor in tensors().items():
        np.testing.assert_allclose(file.tensor(name, tensor.shape), expected(name), rtol=1e-6)
    rows = [3, 20, 7]
    shape = SIZES["vocabulary"], SIZES["hidden"]
    np.testing.assert_allclose(file.tensor("emb.word", shape, rows), expected("emb.word")[rows], rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version 2 with blocks of 32 weights, not 1 with 32"),
        *(({name: value}, "no encoder has") for name, value in [("hidden", 63), ("heads", 3), ("layers", 129)]),
        *(({name: value}, "no encoder has") for name, value in [("positions", 2), ("epsilon", 0.0)]),
        ({"vocabulary": 23}, "24 pieces, and embeddings for 23"),
        ({"special": (0, 2, 1, 24)}, "special pieces have the numbers 0, 2, 1, 24"),
        ({"pieces": [*PIECES[:-1], b"\xff"]}, "can't decode byte 0xff"),
        ({"pieces": [*PIECES[:-1], "e"]}, "a piece occurs twice"),
        ({"scores": np.full(len(PIECES), np.nan)}, "offsets or the scores"),
    ],
)
def test_damaged_files(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write_e5(tmp_path / "e5.bin", changes)
    with pytest.raises(InputError, match=message) as caught:
        EncoderFile(path)
    assert str(caught.value).startswith(f"{path} is damaged, or of another kind: ")
    assert "\n" not in str(caught.value)


def test_files_that_end_too_early(tmp_path: Path) -> None:
    whole = write_e5(tmp_path / "e5.bin").read_bytes()
    short = tmp_path / "short.bin"
    for size in [*range(1, 1000, 37), len(whole) - 1]:
        short.write_bytes(whole[:size])
        with pytest.raises(InputError, match="is damaged"):
            EncoderFile(short)
    short.write_bytes(b"")
    with pytest.raises(InputError, match="empty file"):
        EncoderFile(short)
    short.write_bytes(b"GGUF" + whole[4:])
    with pytest.raises(InputError, match="does not begin with E5S1"):
        EncoderFile(short)


def test_tensors_that_are_not_there_or_not_valid(tmp_path: Path) -> None:
    bad = {"emb.pos": np.full((SIZES["positions"], SIZES["hidden"]), np.inf)}
    file = EncoderFile(write_e5(tmp_path / "e5.bin", bad, leave_out="l1.q.w"))
    with pytest.raises(InputError, match=r"the tensor l1\.q\.w has 0 numbers"):
        file.tensor("l1.q.w", (64, 64))
    with pytest.raises(InputError, match=r"the tensor l0\.q\.w has 4096 numbers, not 96 x 64"):
        file.tensor("l0.q.w", (96, 64))
    with pytest.raises(InputError, match=r"emb\.pos has a number that is not finite"):
        file.tensor("emb.pos", (SIZES["positions"], SIZES["hidden"]))
