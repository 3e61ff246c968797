"""Files come in, tagged files go out, any number of them.

`plan.py` says which file is tagged into which, `bulk.py` tags them with the processes of `tagging/workers.py`, and
`outputs.py` protects what exists and lets an interrupted run go on. Start in `bulk.py`.
"""
