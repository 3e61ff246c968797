"""A service: requests of two protocols come in, tagged text in the form that each protocol has goes out.

`service.py` says which path belongs to which protocol. `batcher.py` tags what many requests want in one batch, in one
thread. Start in `service.py`.
"""
