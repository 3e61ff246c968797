"""What is known of words without a network: text and tokens come in, sentences, lemmas and refused tags go out.

Start in `segment.py`.
"""
