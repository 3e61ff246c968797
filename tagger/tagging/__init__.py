"""A trained tagger at work: tokens or text come in, tagged sentences go out.

`tagger.py` has `Tagger`, which users hold, and `languages.py` the taggers of all languages as one. `engine.py` runs its
members fast on one thread, by `networks.py` and `stack.py`, and linear members by `chains.py`, and `workers.py` starts
processes. `decoding.py` turns scores into tags under the constraints of `constraints.py`, and `review.py` finds the
sentences that the tagger doubts. Start in `tagger.py`.
"""
