"""What a teacher says of the sentences of a batch, from the arrays of several files."""

import numpy as np

from tagger.training.teacher import Targets

LENGTHS = np.array([3, 1, 2, 4])
IDS = np.arange(20, dtype=np.uint16).reshape(10, 2) % 7  # of 10 tokens, 2 tags of each
SHARES = np.linspace(0.3, 0.5, 20, dtype=np.float16).reshape(10, 2)  # what is not kept has a rest that is possible


def shard(*columns: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The ids and the probabilities of columns, as a file has them."""
    ids, shares = (np.concatenate(arrays, axis=1) for arrays in zip(*columns, strict=True))
    return np.stack([ids, shares.view(np.uint16)], axis=1)


def one_column(ids: np.ndarray, shares: np.ndarray, tags: int) -> np.ndarray:
    """What the student learns of a sentence with one column."""
    shares = shares.astype(np.float16)
    targets = Targets([shard((ids, shares))], np.array([len(ids)]), {"upos": ids.shape[1]}, {"upos": np.arange(tags)})
    return targets.batch([0])["upos"][:, 0, :, 1]


def make_targets(translation: np.ndarray, border: int = 4) -> Targets:
    """Those of two columns in two files, of which the first has `border` tokens; a column has one tag of each token."""
    parts = [slice(0, border), slice(border, None)]
    shards = [shard((IDS[part], SHARES[part]), (IDS[part, :1], SHARES[part, :1])) for part in parts]
    return Targets(shards, LENGTHS, {"upos": 2, "xpos": 1}, {"upos": translation, "xpos": np.arange(7)})


def test_sentences_of_several_files_in_any_order() -> None:
    targets = make_targets(np.arange(7))
    assert len(targets) == 4
    batch = targets.batch(np.array([3, 0, 2]))
    assert {column: values.shape for column, values in batch.items()} == {"upos": (4, 3, 2, 2), "xpos": (4, 3, 1, 2)}
    for place, (start, length) in enumerate([(6, 4), (0, 3), (4, 2)]):
        for column, k in (("upos", 2), ("xpos", 1)):
            values = batch[column][:, place]
            assert np.array_equal(values[:length, :, 0], IDS[start : start + length, :k])
            assert np.array_equal(values[:length, :, 1], SHARES[start : start + length, :k])
            assert not values[length:].any()


def test_tags_have_the_students_ids_and_unknown_ones_no_probability() -> None:
    batch = make_targets(np.array([5, 0, -1, 1, 2, 3, -1])).batch([1, 3])["upos"]
    assert IDS[[3, 6]].tolist() == [[6, 0], [5, 6]]
    assert batch[0, :, :, 0].tolist() == [[-1, 5], [3, -1]]
    assert batch[0, 0, 0, 1] == batch[0, 1, 1, 1] == 0
    assert batch[0, 0, 1, 1] == SHARES[3, 1]


def test_the_rest_is_not_what_half_precision_has_rounded_away() -> None:
    exact = np.array([[0.9997, 0.00012, 0.00005], [0.6, 0.2, 0.1], [0.00001, 0.99969, 0.0001]])
    ids = np.zeros((3, 3), dtype=np.uint16)
    shares = one_column(ids, exact, 6)
    rest = 1 - shares.sum(axis=1)
    assert float(exact.astype(np.float16)[0, 0]) < 0.9996  # here the rest would be 0.0003 in the place of 0.00013
    assert rest[0] <= 3 * 0.00005 + 1e-6
    assert abs(rest[1] - 0.1) < 1e-3  # where there is a rest it stays
    assert rest[2] <= 3 * 0.0001 + 1e-6
    assert np.allclose(one_column(ids, exact, 3)[0].sum(), 1, atol=1e-6)  # no other tag can have a rest
    assert np.array_equal(one_column(ids[:, :1], exact[:, :1], 6)[:, 0], exact[:, 0].astype(np.float16))
