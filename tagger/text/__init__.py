"""Strings and files, without torch: text comes in as lines, leaves as sentences, and goes back to a file.

`sentence.py` has the one type that all rooms share. `readers.py` turns the lines of a file into sentences and
`writers.py` turns sentences into text; each format stands in a module of its own (`conllu.py`, `columns.py`,
`json_lines.py`, `slash.py`). `paragraphs.py` and `segment.py` cut running text. Start in `sentence.py`.
"""
