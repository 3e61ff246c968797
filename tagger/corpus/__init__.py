"""Sentences to learn from: the config of a corpus comes in, a `datasets.DatasetDict` goes out.

`corpora.py` lists the kinds of corpus. Each is a class with its values and a method that opens it as a `Source`, a name
and its splits, such as that of `conllu_corpus.py`; `hub.py` reads those of the Hugging Face Hub. A reader yields the
sentences of one split, and `arrow.py` stores them in the cache of `datasets`. `splits.py` makes the dev split.
`raw_text.py` reads untagged text for pretraining. `lint.py` checks a corpus in CoNLL-U: sentences with line numbers
(`lined.py`) come in, `Finding`s go out. Start in `sources.py`.
"""
