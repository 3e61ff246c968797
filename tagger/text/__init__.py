"""Strings and files, without torch: text comes in as lines, leaves as sentences, and goes back to a file.

`sentence.py` has the one type that all rooms share. `readers.py` turns the lines of a file into sentences and
`writers.py` turns sentences into text; `conllu.py` and `columns.py` have the larger formats. `paragraphs.py` and
`segment.py` cut running text. Start in `sentence.py`.
"""
