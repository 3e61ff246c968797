"""Capabilities that a user may never need, a folder for each.

An extra uses the public names of the rooms of the core and never another extra, and no module of the core imports one.
Each has its commands in one module beside it, and a page in docs that the README links. An extra goes by deleting
its folder, its tests, its page, its files in conf, and its lines in the table of commands, in `pyproject.toml` and in
the README.
"""
