"""Files and a tagger come in; the sentences that the tagger doubts go out, so that somebody corrects them.

`review_command.py` reads the files, `review.py` finds the sentences. Start in `review.py`.
"""
