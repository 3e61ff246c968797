"""A config comes in, a folder with a trained tagger and its report goes out.

`config.py` has the dataclass of the config, and `run_folder.py` makes a folder for each
run. A run is an experiment; `run.py` has its steps: prepare, fit, save, report. `train.py` fills them in for a
tagger, with the Lightning module of `module.py` and the batches of `datamodule.py`. Start in `train.py`.
"""
