"""Untagged text comes in, a network that predicts hidden words goes out; a tagger can start from it.

`pretrain.yaml` has the values of a run, `hidden_words.py` the network, and `fill.py` what it proposes for
the blanks of a sentence. Start in `pretraining.py`.
"""
