"""The name of a trained tagger -> `Tagger`; no name -> the taggers of all languages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, overload

from tagger.bundle.bundle import Bundle
from tagger.bundle.catalog import DEFAULT, find_tagger
from tagger.errors import InputError
from tagger.tagging.arguments import AUTO, CACHE_SIZE, TaggerOptions
from tagger.tagging.languages import LanguageTagger
from tagger.tagging.tagger import Tagger


@overload
def load(
    name: None = None, device: str = "auto", precision: str = "auto", *, workers: int = 1, segmenter: str = AUTO
) -> LanguageTagger: ...
@overload
def load(name: str | Path, *options: Any, **more: Any) -> Tagger: ...
def load(
    name: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    cache_size: int = CACHE_SIZE,
    workers: int = 1,
    segmenter: str = AUTO,
    corpus: str | None = None,
    lexicons: Mapping[str, Path | str] | None = None,
) -> Tagger | LanguageTagger:
    """Loads a trained tagger, or without a name those of all languages that come with the package, as one.

    Tagging uses one thread per process and leaves torch's number of threads unchanged. Threads of a program may share
    a tagger; they take turns.

    Args:
        name: None for all languages: what is returned finds the language of each text. A language that comes with the
            package, by its English name or its code, `german` or `de`; `latest`, the newest run below `runs/`;
            `hf:OWNER/NAME` or `hf:OWNER/NAME@REVISION`, a tagger on the Hugging Face Hub; or the folder of a tagger,
            of an ensemble or of the run that trained it.
        device: auto, cpu, cuda, the second GPU cuda:1, or mps.
        precision: of products and states: auto, float32 or bfloat16; auto is bfloat16 on processors that have
            instructions for it.
        cache_size: number of word forms whose first product is cached; at least 16,000.
        workers: processes that share large amounts of text, each with one thread; 1 starts none.
        segmenter: what cuts text into sentences and tokens: `learned`, the tagger's own segmenter; `english` or
            `unicode`, rules; `auto`, its own, or the rules that its training chose.
        corpus: of a tagger that was trained on several corpora, the one that the text is like; None: that is not known.
        lexicons: for some columns a file that says which tags word forms may have; see `text.lexicon.read_lexicon`.
            An empty name stands for the first column.

    Raises:
        InputError: no such folder, or its files are damaged; no such device, precision, segmenter or corpus; a number
            is too small; the tagger has no segmenter of its own, or no tags; a lexicon cannot be read or has an unknown
            tag; `cache_size`, `corpus` or a lexicon for all languages.
    """
    if name is None:
        if (cache_size, corpus, lexicons) != (CACHE_SIZE, None, None):
            raise InputError(f"cache_size, corpus and lexicons need one tagger; name it, such as load({DEFAULT!r})")
        return LanguageTagger(device, precision, workers=workers, segmenter=segmenter)
    if not isinstance(name, str | Path):
        raise InputError(f"{name!r} names no tagger; give a name such as {DEFAULT!r}, or the path of a folder")
    options = TaggerOptions(device, precision, cache_size, workers, segmenter, corpus, lexicons)
    bundle = Bundle.load(find_tagger(str(name)))
    if not bundle.vocabulary.columns:
        raise InputError(f"{name} has no tags; train a tagger from it with python -m tagger init={name}")
    return Tagger(bundle, options, name=str(name))
