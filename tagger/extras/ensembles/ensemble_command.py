"""The command `ensemble`: two or more taggers in, a folder that tags with the mean of their scores out."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from tagger.commands.console import say
from tagger.errors import InputError


def ensemble(
    taggers: Annotated[
        list[str],
        typer.Argument(metavar="TAGGER", help="Two or more taggers: names, or folders of taggers or of runs."),
    ],
    to: Annotated[str, typer.Option("-o", metavar="FOLDER", help="The folder to make.")],
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...", help="How much each tagger counts, such as 0.5,0.3,0.2. Default: all the same."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the ensemble if it exists.")] = False,
) -> None:
    """Makes a tagger that averages the scores of several.

    The taggers must have the same columns and tags; all else may differ. The folder holds their networks, so it works
    without the originals, and all commands that tag take it. It takes as long to tag as its members together. Raw text
    is cut as the first one does it.
    """
    from tagger.bundle.bundle import Bundle
    from tagger.bundle.catalog import find_tagger
    from tagger.bundle.saved_config import CARD, CONFIG, files_of
    from tagger.extras.ensembles.ensemble import ENSEMBLE, ensemble_card, join

    folder = Path(to)
    if folder.exists():
        if not force:
            raise InputError(f"{to} exists; choose another folder, or --force replaces an ensemble")
        if not (folder / CONFIG).is_file() or ENSEMBLE not in Bundle.load(folder).config:
            raise InputError(f"{to} is no ensemble, and --force replaces nothing else; choose another folder")
        own = {folder / CONFIG, folder / CARD, *files_of(folder).values()}
        if others := sorted(path for path in folder.rglob("*") if not path.is_dir() and path not in own):
            raise InputError(f"{others[0]} is no part of the ensemble, and --force would remove it; move it away")
    line = ["python", "-m", "tagger", "ensemble", *taggers, "-o", to, *(["--weights", weights] if weights else [])]
    folders = list(map(find_tagger, taggers))
    for number, tagger in enumerate(folders):
        if tagger.resolve() in [other.resolve() for other in folders[:number]]:
            raise InputError(f"{tagger} is named twice; to count it more than others, give it more weight (--weights)")
    bundles = list(map(Bundle.load, folders))
    made = join(bundles, _numbers(weights), list(map(str, folders)))
    made.save(folder, ensemble_card(made, bundles, shlex.join(line)))
    shares = ", ".join(f"{weight:.3g}" for weight in made.config[ENSEMBLE])
    say(f"{to}: an ensemble of {len(taggers)} with the weights {shares}; tag with it: tagger tag FILE --model {to}")


def _numbers(text: str | None) -> list[float] | None:
    """The numbers of a list with commas."""
    if text is None:
        return None
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise InputError(f"--weights {text}: give a number for each tagger, such as 0.5,0.3,0.2") from None
