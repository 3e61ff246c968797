"""A tagger and text come in, its speed on this machine goes out. Start in `benchmark.py`."""
