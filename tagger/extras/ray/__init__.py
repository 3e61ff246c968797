"""Files come in, tagged files go out, by the processes of a Ray cluster.

`ray_command.py` has the command, `ray_files.py` what each process does. Start in `ray_files.py`.
"""
