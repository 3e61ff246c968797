"""The epochs of a run -> its learning curve, a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from tagger.text.output_files import whole_binary


def draw_learning_curve(epochs: Sequence[Mapping[str, float]], path: Path, name_of_epoch: str = "epoch") -> None:
    """Draws loss and accuracy on train and dev over the epochs.

    Args:
        epochs: for each epoch `train/loss`, `dev/loss`, `dev/accuracy` and, if known, `train/accuracy`.
        path: the PNG to write.
        name_of_epoch: for the axis.

    Raises:
        InputError: the file cannot be written.
    """
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    numbers = range(1, len(epochs) + 1)
    for axis, name in zip(axes, ("loss", "accuracy"), strict=True):
        scale = 100 if name == "accuracy" else 1
        for split in ("train", "dev"):
            if f"{split}/{name}" not in epochs[0]:
                continue
            axis.plot(numbers, [scale * epoch[f"{split}/{name}"] for epoch in epochs], marker="o", ms=4, label=split)
        axis.set(xlabel=name_of_epoch, ylabel="accuracy (%)" if name == "accuracy" else "loss (nats per token)")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        axis.legend()
    save_figure(figure, path)


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a picture as PNG and forgets it; raises InputError if the file cannot be written."""
    with whole_binary(path) as out:
        figure.savefig(out, format="png", dpi=120)
    plt.close(figure)
