"""The learned segmenter: paragraphs of raw text come in, sentences of tokens go out.

`units.py` cuts text into the pieces on which the network decides, `features.py` finds what it reads of each,
`network.py` is the network, `saved.py` its files, and `learned.py` all of it at work, with `lanes.py`. Its training is
in `training/`. Start in `learned.py`.
"""
