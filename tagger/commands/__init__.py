"""The command line: arguments in, one call of a room's function each, its result on standard output or in files.

Each command is a function with the command's name; the first sentence of its docstring is its line in `tagger --help`.
`app.py` says which module has it, here or in an extra, and imports the one that is called. Three modules have no
commands: `options.py` has the options that commands share, `loading.py` loads the tagger, and `console.py` has what
commands print and how they fail.

A module of a command imports torch, Hydra, Lightning and the rooms that import these within its function, so that
`tagger --help` and completion are fast. Start in `tag.py`.
"""
