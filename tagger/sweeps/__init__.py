"""A command line comes in, and its runs are trained: one, those of a grid, or the trials of a search.

`launch.py` has the commands `train`, `pretrain` and `resume`: it calls Hydra's main, after `overrides.py` has checked
the words, and trains a run. `hydra_plugin/` has the sweepers that Hydra calls. They call `grid.py`, which trains
every combination and makes the table, or `search.py`, which trains what Optuna asks for. Start in `launch.py`.
"""
