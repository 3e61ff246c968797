"""The command line: arguments in, one call of a room's function each, its result on standard output or in files.

Each command is a module and a function in it, both with the command's name (with `_` for `-`). The first sentence of
the function's docstring is the command's line in `tagger --help`. The other modules are no commands: `app.py` lists the
commands and imports the one that is called, `options.py` has the options that commands share,
`loading.py` loads the tagger, and `console.py` has what commands print and how they fail.

A module of a command imports torch, Hydra, Lightning and the rooms that import these within its function, so that
`tagger --help` and completion are fast. Start in `tag.py`.
"""
