"""What the cache forgets, and that what it says of a form is always that form's."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from tagger.tagging.form_cache import FormCache


def numbers(forms: list[str]) -> Iterator[tuple[np.ndarray, Tensor]]:
    """Two numbers that tell which form they belong to; forms of an odd place first."""
    for first in (1, 0):
        places = np.arange(first, len(forms), 2)
        values = [float(forms[place]) for place in places]
        yield places, torch.tensor([values, [-value for value in values]]).T


def look_up(cache: FormCache, forms: list[int]) -> list[int]:
    """The forms that the cache says it found."""
    rows = cache.rows([str(form) for form in forms])
    values = cache.values[torch.from_numpy(rows)]
    assert torch.equal(values[:, 0], -values[:, 1])
    return [int(value) for value in values[:, 0]]


def test_every_form_has_its_own_values_whatever_was_there_before() -> None:
    cache = FormCache(numbers, capacity=50)
    generator = np.random.default_rng(0)
    for _ in range(300):
        forms = generator.zipf(1.3, size=30).clip(max=10**6).tolist()
        assert look_up(cache, forms) == forms
        assert len(cache.values) <= 50


def test_it_forgets_all_forms_when_it_is_full() -> None:
    cache = FormCache(numbers, capacity=4)
    for form in (1, 2, 3, 4):
        look_up(cache, [form, 1])
    assert cache.computed == 4
    assert look_up(cache, [1, 5]) == [1, 5]  # 2, 3 and 4 are forgotten
    assert cache.computed == 6
    look_up(cache, [1, 5])
    assert cache.computed == 6
    assert look_up(cache, [3]) == [3]
    assert cache.computed == 7


def test_more_forms_than_fit_are_there_alone() -> None:
    cache = FormCache(numbers, capacity=10)
    look_up(cache, [90, 91, 92])
    for forms in (list(range(10)), list(range(20, 31))):
        assert look_up(cache, forms) == forms


def test_it_forgets_everything_when_told() -> None:
    cache = FormCache(numbers, capacity=10)
    look_up(cache, [1, 2, 2])
    cache.clear()
    assert look_up(cache, [2, 1]) == [2, 1]
    assert cache.computed == 2
