"""A trained tagger at work: tokens or text come in, tagged sentences go out.

`tagger.py` has `Tagger`, which users hold, `languages.py` the taggers of all languages as one, and `load`.
`tagger_options.py` checks what users choose, and `workers.py` starts processes. `engine.py` runs the members fast on
one thread: `stack.py` gives the scores, and `decoding.py` turns them into tags under constraints. Start in `tagger.py`.
"""
