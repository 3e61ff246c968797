"""Sentences to learn from: a description of a corpus comes in, a `datasets.DatasetDict` goes out.

`sources.py` has a function for each kind of corpus, `splits.py` makes the dev split, and `raw_text.py` reads
untagged text of any size. Start in `sources.py`.
"""
