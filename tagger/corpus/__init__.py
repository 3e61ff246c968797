"""Sentences to learn from: the values of `conf/corpus` come in, a `Corpus` goes out.

`corpus_config.py` has the values and finds the files, `sources.py` opens each kind of corpus, `hub_corpus.py` reads the
Hugging Face Hub, and `splits.py` keeps sentences in the cache of `datasets` and makes the dev split.
`raw_text.py` reads untagged text. Start in `sources.py`.
"""
