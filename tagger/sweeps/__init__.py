"""A command line comes in, and its runs are trained: one, those of a grid, or the trials of a search.

`launch.py` has the commands `train`, `pretrain` and `resume`. `plan.py` turns a command line into configs and checks
them (`overrides.py` checks the words, and `compose.py` asks Hydra). `one_run.py` trains a run. A sweep is a folder,
`folder.py`, whose runs say by their files how they ended. `grid.py` trains the runs of a grid, `search.py` those that
Optuna asks for, and `report.py` shows what they found. Start in `launch.py`.
"""
