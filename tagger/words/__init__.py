"""What is known of words without a network: text and tokens come in, sentences, lemmas, refused and better tags go out.

`reading.py` says what the networks read in place of words as they are written, and `judges.py` what is done to their
scores and answers, in which order, by the facts of forms that `facts.py` finds. `segment.py` cuts text by rules. Start in `judges.py`.
"""
