"""A config comes in, a folder with a trained tagger and its report goes out.

`launch.py` takes the command line to runs, `train.py` is one run, `module.py` the Lightning module and
`datamodule.py` its batches. `pretrain.py` and `pretrain_module.py` do the same for untagged text. Start in `train.py`.
"""
