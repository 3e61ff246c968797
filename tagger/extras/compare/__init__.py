"""Two taggers and gold sentences come in; whether one is better, and where, goes out. Start in `compare.py`."""
