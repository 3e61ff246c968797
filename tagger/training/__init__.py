"""A command line or a config comes in, a folder with a trained tagger and its report goes out.

`launch.py` has Hydra make a config of the words of a command line, and starts a run. `config.py` has the values of a
run, checked. `train.py` tells what a run does: it prepares the network (`start.py`), fits it (`trainer.py`, with the
Lightning module of `module.py` and the batches of `data.py`) and the linear chain beside it (`fit_linear.py`), has it
cut raw text (`fit_segmenter.py`), saves the tagger and reports its scores (`report.py`). `auxiliary.py` and
`teacher.py` have what is learned beside gold tags. Start in `train.py`.
"""
