"""Gold tags and predicted tags come in, scores go out; and how fast a tagger is.

`metrics.py` scores tags on gold tokens, `raw_scores.py` scores tokens, words, sentences and tags
from raw text, `report.py` writes what a run shows of its dev split, `compare.py` compares two taggers, and
`benchmark.py` measures speed. Start in `metrics.py`.
"""
