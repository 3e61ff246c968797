"""The runs of a sweep -> how much each key that differs between them matters for accuracy on dev."""

from collections.abc import Sequence

import numpy as np

from tagger.sweeps.keys import differing_keys
from tagger.sweeps.run import SweepRun

MIN_RUNS = 4
TREES = 100
REPEATS = 10  # of each shuffle
SEED = 0
LIMITS = (
    "A forest of decision trees learned the accuracy of the complete runs from their keys. A key's share is what the"
    " forest loses when the key's values are shuffled between runs. Few runs, keys that change together, and luck of"
    " the seed mislead it."
)


def key_importance(runs: Sequence[SweepRun]) -> dict[str, float]:
    """The importance of the keys in which the complete runs differ; the shares sum to 1, and the largest comes first.

    A random forest (Breiman 2001, https://doi.org/10.1023/A:1010933404324) learns the accuracies; a key's importance
    is by how much the forest's error grows when the values of the key are permuted, as the same paper proposes. It is
    measured on the runs that the forest has learned from, since there are few: it says what explains these runs, not
    what will pay elsewhere. The seed is fixed, so the same runs give the same shares.

    Returns:
        Empty if there are fewer than `MIN_RUNS` complete runs, or if their keys or their accuracies do not differ.
    """
    complete = [run for run in runs if run.state == "complete" and run.dev_accuracy is not None]
    keys = differing_keys(complete)
    accuracies = np.array([run.dev_accuracy for run in complete], dtype=np.float64)
    if len(complete) < MIN_RUNS or not keys or np.ptp(accuracies) == 0:
        return {}
    # Trees see the order of numbers alone: a logarithmic scale would change nothing.
    places = np.array([key.places for key in keys]).T

    from sklearn.ensemble import RandomForestRegressor  # late, because importing scikit-learn takes a second
    from sklearn.inspection import permutation_importance

    forest = RandomForestRegressor(TREES, random_state=SEED).fit(places, accuracies)
    found = permutation_importance(forest, places, accuracies, n_repeats=REPEATS, random_state=SEED)
    gains = np.maximum(found.importances_mean, 0)
    if gains.sum() == 0:
        return {}
    shares = {key.name: float(gain / gains.sum()) for key, gain in zip(keys, gains, strict=True)}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
