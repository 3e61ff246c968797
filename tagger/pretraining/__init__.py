"""Untagged text comes in, a network that predicts hidden words goes out; training can start from it.

`train.py` is the training, `data.py` its batches, `config.py` its values, and `fill.py` shows what the network
predicts. Start in `train.py`.
"""
