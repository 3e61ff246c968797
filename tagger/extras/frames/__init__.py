"""The tagger where other libraries expect a function or a table of theirs.

`frames.py` makes tables of pandas and polars, `batch_tagger.py` adds columns to data sets of `datasets`, `ray_data.py`
to those of Ray, and `nltk.py` is a tagger as NLTK knows it. Start in `frames.py`.
"""
