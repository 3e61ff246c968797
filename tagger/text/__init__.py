"""Strings and files, without torch: text comes in as lines, leaves as sentences, and goes back to a file.

`sentence.py` has the one type that all rooms share. `readers.py` turns the lines of a file into sentences and
`writers.py` turns sentences into text, in the formats that `formats.py` lists; the functions of each are in a module of
their own, such as `slash.py`. `paragraphs.py` and `segment.py` cut running text. `schema.py` checks values that come
from outside. Start in `sentence.py`.
"""
