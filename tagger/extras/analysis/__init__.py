"""A tagger and text come in, what can be seen in its words goes out.

`explain` shows what a tag rests on (`explanations.py`), `embed` gives the vectors of words (`vectors.py`), and `senses`
groups the occurrences of a word by meaning. Another way to look at words is a module beside these and a function in
`analysis_command.py`. Start in `senses.py`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tagger.extras.analysis.explanations import explain
    from tagger.extras.analysis.vectors import embed

__all__ = ["embed", "explain"]
_MODULES = {"embed": "vectors", "explain": "explanations"}


def __getattr__(name: str) -> Any:
    """Imports what is asked for when it is asked for: the commands' help needs no torch."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
