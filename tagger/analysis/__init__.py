"""Words in context: a tagger and sentences come in, what can be seen in them goes out.

`explain.py` shows which words a tag rests on, `senses.py` groups the occurrences of a word by meaning, and `located.py`
has the vectors of the words of files. Start in `explain.py`.
"""
