"""Strings and files: text comes in as lines, leaves as sentences, and goes back to a file.

No torch here. `sentence.py` has the one type that all rooms share. `readers.py` turns the lines of a file into
sentences, `writers.py` turns sentences into text, and `segment.py` cuts raw text by rules. Start in `sentence.py`.
"""
