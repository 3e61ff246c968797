"""What is known of words without a network: text and tokens come in, sentences, lemmas, refused and better tags go out.

`reading.py` says what the networks read in place of words as they are written, `facts.py` what is known of their forms,
and `judges.py` what is done to scores and answers, in which order. `segment.py` cuts text by rules. Start in
`judges.py`.
"""
