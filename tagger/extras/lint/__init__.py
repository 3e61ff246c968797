"""A corpus comes in, findings go out: what looks like an error in it, each with its file, line and reason.

`lexicon_command.py` writes the tags that the word forms of a corpus have. A new check is a function in `CHECKS`; a new
kind of finding is a row of `KINDS` and of the table in docs/lint.md. Start in `lint.py`.
"""
