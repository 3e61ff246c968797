"""The learned segmenter: paragraphs of raw text come in, sentences of tokens go out.

`units.py` cuts text into the pieces on which the network decides, `features.py` finds what it reads of each,
`unit_network.py` is the network and what runs it fast, and `learned.py` all of it at work, and its files: with
`corrections.py`, in which rules change what it says, and `multiwords.py`, which splits tokens into words. Its training
is in `training/`. Start in `learned.py`.
"""
