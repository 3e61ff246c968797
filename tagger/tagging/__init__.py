"""A trained network at work: tokens, text or files come in, tagged sentences go out.

`tagger.py` has `Tagger`, which users hold. `engine.py` runs the network fast on one thread, `workers.py` starts
processes, and `bulk.py` tags files with them. Start in `tagger.py`.
"""
