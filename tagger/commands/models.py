"""The command `models`: the taggers that have a name."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tagger.commands.console import say, show, show_json, size_text
from tagger.commands.options import AsJson
from tagger.text.strings import Table

if TYPE_CHECKING:
    from tagger.bundle.catalog import Model

_HEADS = ("language", "codes", "UPOS", "raw", "FEATS", "lemma", "words", "MB", "")
_LEGEND = "percent on test or dev; raw: UPOS from raw text; words: of training, thousands"
_LICENCE = "licence of these: CC BY-SA 4.0"


def models(as_json: AsJson = False) -> None:
    """Lists the taggers that have a name.

    First those that come with the package: language, its codes, accuracy of UPOS with gold tokens, F1 of UPOS from raw
    text, accuracy of FEATS and lemmas with gold tokens, all on test (or on dev), words of training in thousands,
    size. A thin one is more than four points behind the best of its language. Then your own, each with its training
    data, size, licence, what cuts text for it, scores and folder. --json has all of each.
    """
    from tagger.bundle.catalog import bundled_languages, list_models

    listed, problems = list_models()
    for problem in problems:
        say(problem)
    if as_json:
        show_json([{**model._asdict(), "folder": str(model.folder)} for model in listed])
        return
    languages = bundled_languages()
    rows = [_row(model, languages[model.name]) for model in listed if model.name in languages]
    table = Table("", _HEADS, rows)
    lines = [table.as_text(gap=1), _LEGEND, _LICENCE]
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


def _row(model: "Model", codes: Iterable[str]) -> list[str]:
    """The cells of a tagger that comes with the package."""
    split = "test" if "test" in model.scores else "dev"
    scores = model.scores.get(split, {})
    shares = scores.get("upos"), model.raw.get(split, {}).get("UPOS"), scores.get("feats"), scores.get("lemma")
    return [
        *(model.name, " ".join(codes)),
        *("-" if share is None else f"{100 * share:.1f}" for share in shares),
        "-" if model.words is None else f"{model.words:,.0f}",
        f"{model.size / 1e6:.1f}",
        " ".join(["dev"] * (split == "dev") + ["thin"] * model.thin),
    ]
