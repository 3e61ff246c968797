"""A corpus comes in, what looks like an error in it goes out. Start in `lint.py`."""
