"""Values come in, a training of each combination or of each trial of an Optuna study, and their table goes out.

`hydra_plugin/` has the sweepers that Hydra calls for `hydra/sweeper=grid` and `optuna`; `search.py` is the search.
Start in `grid.py`.
"""
