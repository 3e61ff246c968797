"""The command line: arguments in, one call of a room's function each, its result on standard output or in files.

Each command is a module of its own name with a function of that name. `app.py` has the table of commands and loads the
module of the one that is called, `options.py` has the options that commands share, and `console.py` what they print and
how they fail. Start in `tag.py`.
"""
