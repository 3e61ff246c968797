"""A trained network at work: tokens, text or files come in, tagged sentences go out.

`tagger.py` has `Tagger`, which users hold. `engine.py` runs the network fast on one thread, `workers.py` starts
processes, and `bulk.py` tags files with them. `decoding.py` turns scores into tags under the constraints of
`constraints.py`, and `review.py` finds the sentences that the tagger doubts. Start in `tagger.py`.
"""
