"""A service: requests of two protocols come in, tagged text in the form that each protocol has goes out.

Start in `server.py`, which says which path belongs to which protocol. `service.py` has the taggers by name, and
`batcher.py` tags what many requests want in one batch, in one thread.
"""
