"""A part-of-speech tagger of deep bidirectional recurrent layers.

>>> import tagger
>>> english = tagger.load("runs/2026-01-31/12-00-00")
>>> english.tag(["They", "book", "flights", "."])
['PRON', 'VERB', 'NOUN', 'PUNCT']
"""

import os

# Before torch is imported: waiting threads that spin make training on busy cores many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from tagger.tagging.tagger import Tagger, load
from tagger.text.sentence import Sentence

__all__ = ["Sentence", "Tagger", "load"]
