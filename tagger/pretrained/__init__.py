"""Inputs that others have trained: the name of word vectors or of an encoder comes in, its weights come out.

`word_vectors.py` finds vectors and standardises them, `huggingface.py` loads an encoder, and `multilingual.py` the one
that comes by pip. `cached_outputs.py` keeps what a frozen encoder computes. Start in `word_vectors.py`.
"""
