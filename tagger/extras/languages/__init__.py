"""Treebanks and untagged text of many languages come in, the taggers that come with the package go out.

`make.py` trains them, one after the other, as the rows of `languages.csv` say; `made_text.py` makes up sentences for
them, `scheme.py` and `observed.py` bring older files to the scheme of today. `fit_identifier.py` trains what finds the
language of a text, `fit_contexts.py` what tells whether a full stop ends a sentence. `count.py`
counts what is known of words. `talk.py` writes treebanks of everyday talk,
`score_talk.py` scores taggers on them. `english_vectors.py` is for the tagger `english`. `weaknesses.csv` lists
frequent errors, counted on test or dev. Start in `make.py`.

A clone has this workshop, and a wheel lacks it: no user of a wheel has its treebanks.
"""
