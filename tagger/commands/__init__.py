"""The command line: one file per command, named like the command.

`app.py` lists the commands, and `options.py` has the options and the errors that they share. Start in `tag.py`.
"""
