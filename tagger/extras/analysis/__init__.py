"""Words in context: a tagger and sentences come in, what can be seen in them goes out.

`senses.py` groups the occurrences of a word by meaning, and `located.py`
has the vectors of the words of files. Start in `senses.py`.
"""
