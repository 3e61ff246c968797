"""Several taggers come in; one folder that tags with the mean of their scores goes out, which the core reads.

`ensemble_command.py` reads the command line, `ensemble.py` makes one tagger of several. Start in `ensemble.py`.
"""
