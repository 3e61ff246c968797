"""A trained tagger at work: tokens or text come in, tagged sentences go out.

`tagger.py` has `Tagger`, which users hold, `languages.py` the taggers of all languages as one, and `load`.
`tagger_options.py` checks what users choose, and `workers.py` starts processes. `engine.py` runs the members fast on
one thread: `stack.py` gives the scores, and the judges of `words/judges.py` and decoders turn them into tags. Start in
`tagger.py`.
"""
