"""A trained tagger at work: tokens or text come in, tagged sentences go out.

`tagger.py` has `Tagger`, which users hold, and `languages.py` the taggers of all languages as one. `arguments.py`
checks what they are given, and `workers.py` starts processes. `engine.py` runs the members fast on one thread:
`windows.py` says what is computed together, `stack.py` gives the scores, and `decoding.py` turns them
into tags under constraints. Start in `tagger.py`.
"""
