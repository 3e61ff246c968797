"""Ranges of values come in, the trials of an Optuna study are trained, and its table goes out.

`hydra_plugin/` has the sweeper that Hydra calls for `hydra/sweeper=optuna`. Start in `search.py`.
"""
