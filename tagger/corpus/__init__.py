"""Sentences to learn from: the config of a corpus comes in, a `datasets.DatasetDict` goes out.

`config.py` has the kinds of corpus, `sources.py` a reader for each (`hub.py` those of the Hugging Face Hub). `arrow.py`
stores what they read in the cache of `datasets`, and `splits.py` makes the dev split. `raw_text.py` reads untagged text
for pretraining. Start in `sources.py`.
"""
