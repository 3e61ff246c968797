"""Files come in, tagged files go out, any number of them.

`jobs.py` says which file is tagged into which, `bulk.py` tags them with the processes of `tagging/workers.py`,
`outputs.py` and `manifest.py` protect what exists and let an interrupted run go on, and `ray_cluster.py` spreads the
files over a cluster. Start in `bulk.py`.
"""
