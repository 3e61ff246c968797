"""Words in context: a tagger and sentences come in, what can be seen in them goes out.

`explain.py` shows which words a tag rests on, `senses.py` groups the occurrences of a word by meaning, and
`vector_files.py` writes the vectors of words. Start in `explain.py`.
"""
