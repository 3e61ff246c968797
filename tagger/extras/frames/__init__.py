"""Sentences, texts and tables come in as other libraries have them, and go out with tags.

`frames.py` makes tables of pandas and polars, `batch_tagger.py` adds columns to data sets of `datasets`, `ray_data.py`
to those of Ray, and `nltk.py` is a tagger as NLTK knows it. Another library is a module here, which imports it and
raises `errors.missing_library` without it, and an extra in `pyproject.toml`. Start in `frames.py`.
"""
