"""The command `models`: the taggers that have a name."""

from tagger.commands.console import show, show_json, size_text
from tagger.commands.options import AsJson


def models(as_json: AsJson = False) -> None:
    """Lists the taggers that have a name.

    Each is shown with its training data, size, licence, what cuts text for it, scores and folder.
    """
    from tagger.bundle.catalog import list_models

    found = list_models()
    if as_json:
        show_json([{**model._asdict(), "folder": str(model.folder)} for model in found])
        return
    lines = []
    for model in found:
        about = f"{size_text(model.size)}, licence {model.license or 'not named'}, segmenter {model.segmenter}"
        lines.append(f"{model.name}: {model.corpus}, {about}")
        for split, scores in model.scores.items():
            shown = "  ".join(f"{column} {100 * accuracy:.2f}" for column, accuracy in scores.items())
            lines.append(f"  {split:<6}{shown}")
        lines.append(f"  {model.folder}")
    show("\n".join(lines))
