"""A part-of-speech tagger of deep bidirectional recurrent layers.

>>> import tagger
>>> english = tagger.load("runs/2026-01-31/12-00-00")
>>> english.tag(["They", "book", "flights", "."])
['PRON', 'VERB', 'NOUN', 'PUNCT']
>>> [(word.text, word.upos) for sentence in english("Well, they book.") for word in sentence]
[('Well', 'INTJ'), (',', 'PUNCT'), ('they', 'PRON'), ('book', 'VERB'), ('.', 'PUNCT')]
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# Before torch is imported: waiting threads that spin make training on busy cores many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

if TYPE_CHECKING:
    from tagger.tagging.languages import load
    from tagger.tagging.tagger import Tagger
    from tagger.text.sentence import Document, Sentence, Word

__all__ = ["Document", "Sentence", "Tagger", "Word", "load"]
_MODULES = {
    "Document": "tagger.text.sentence",
    "Sentence": "tagger.text.sentence",
    "Tagger": "tagger.tagging.tagger",
    "Word": "tagger.text.sentence",
    "load": "tagger.tagging.languages",
}


def __getattr__(name: str) -> Any:
    """Imports what is asked for when it is asked for: torch takes seconds, and `tagger --help` needs none of it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
