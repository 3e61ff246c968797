"""A config comes in, a folder with a trained tagger and its report goes out.

`config.py` has the dataclass of the config, and `run_folder.py` makes a folder for each run. `train.py` tells what a
run does: it prepares the network (`start.py`), fits it (`run.py`, with the Lightning module of `module.py` and the
batches of `datamodule.py`) and the linear member beside it (`linear.py`), saves the tagger and reports its scores
(`report.py`). Start in `train.py`.
"""
