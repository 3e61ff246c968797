"""Treebanks and untagged text of many languages come in, the taggers that come with the package go out.

`make.py` trains them, one after the other, as the rows of `languages.csv` say; `made_text.py` makes up sentences for
them. `fit_identifier.py` trains what finds the language of a text, and `measure_speed.py` measures. Start in `make.py`.
"""
