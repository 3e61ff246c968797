"""Sentences to learn from: the config of a corpus comes in, a `datasets.DatasetDict` goes out.

`config.py` has the kinds of corpus, `files.py` finds the files of one, and `sources.py` has a function for each that
opens it as a `Source`: a name and its splits (`hub.py` has those of the Hugging Face Hub). A reader yields the
sentences of one split, and `arrow.py` stores them in the cache of `datasets`. `splits.py` makes the dev split.
`raw_text.py` reads untagged text for pretraining. `lint.py` checks a corpus in CoNLL-U: sentences with line numbers
(`lined.py`) come in, `Finding`s go out. Start in `sources.py`.
"""
