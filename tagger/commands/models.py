"""The command `models`: the taggers that have a name."""

from typing import TYPE_CHECKING

from tagger.bundle.language_codes import codes_of
from tagger.commands.console import show, show_json, size_text
from tagger.commands.options import AsJson
from tagger.text.strings import fitted

if TYPE_CHECKING:
    from tagger.bundle.catalog import Model

_ROW = "{:<11} {:<8} {:<22} {:<12} {:>5} {:>5} {:>4}"


def models(as_json: AsJson = False) -> None:
    """Lists the taggers that have a name.

    First those that come with the package: language, its codes, treebanks, licence, accuracy of UPOS with gold tokens
    and F1 from raw text on test (* on dev), size. A thin one had little to learn from. Then your own, each with its
    training data, size, licence, what cuts text for it, scores and folder.
    """
    from tagger.bundle.catalog import bundled_languages, list_models

    listed = list_models()
    if as_json:
        show_json([{**model._asdict(), "folder": str(model.folder)} for model in listed])
        return
    languages = bundled_languages()
    lines = [_ROW.format("language", "codes", "treebanks", "licence", "UPOS", "raw", "MB")]
    lines += [_row(model) for model in listed if model.name in languages]
    for model in listed:
        if model.name in languages:
            continue
        about = f"{size_text(model.size)}, licence {model.license or 'not named'}, segmenter {model.segmenter}"
        lines.append(f"{model.name}: {model.corpus}, {about}")
        for split, scores in model.scores.items():
            shown = "  ".join(f"{column} {100 * accuracy:.2f}" for column, accuracy in scores.items())
            lines.append(f"  {split:<6}{shown}")
        lines.append(f"  {model.folder}")
    show("\n".join(lines))


def _row(model: "Model") -> str:
    """A line for a tagger that comes with the package."""
    split = "test" if "test" in model.scores else "dev"
    treebanks = model.corpus.rpartition(" ")[0] or model.corpus  # without the version
    short = fitted(", ".join(name.partition("-")[2] or name for name in treebanks.split(" + ")), 22)
    upos, raw = model.scores.get(split, {}).get("upos"), model.raw.get(split, {}).get("UPOS")
    return (
        _ROW.format(
            *(model.name, " ".join(codes_of(model.name)), short, model.license or ""),
            f"{100 * upos:.2f}" if upos is not None else "",
            f"{100 * raw:.2f}" if raw is not None else "",
            f"{model.size / 1e6:.1f}",
        )
        + ("*" if split == "dev" else "")
        + (" thin" if model.thin else "")
    )
