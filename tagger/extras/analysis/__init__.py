"""A tagger and text come in, what can be seen in its words goes out.

`explain` shows what a tag rests on (`tagging/explain.py`), `fill` proposes words for blanks, `embed` writes the vectors
of words, and `senses` groups the occurrences of a word by meaning. `vectors.py` reads files and computes the vectors.
Another way to look at words is a module beside these and a function in `analysis_command.py`. Start in `senses.py`.
"""
