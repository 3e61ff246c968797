"""Trained and pretrained weights on disk.

A tagger's name comes in and its folder goes out (`catalog.py`); a folder becomes a network and back (`folder.py`).
`word_vectors.py` and `huggingface.py` load what others have pretrained. Start in `folder.py`.
"""
