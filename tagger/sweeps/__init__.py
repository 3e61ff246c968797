"""A command line comes in, and its runs are trained: one, those of a grid, or the trials of a search.

`launch.py` has the commands `train`, `pretrain` and `resume`: it calls Hydra's main, after `overrides.py` has checked
the words. `one_run.py` trains a run, and `ensemble.py` the members of one. Several runs are a sweep: a folder,
`folder.py`, whose runs say by their files how they ended. `hydra_plugin/` has the sweepers that Hydra calls: `grid.py`
trains every combination, `search.py` what Optuna asks for, and `report.py` shows what they found. Start in `launch.py`.
"""
