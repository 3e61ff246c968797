"""Untagged text comes in, a network that predicts hidden words goes out. Start in `train.py`."""
