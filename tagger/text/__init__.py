"""Strings and files, without torch: text comes in as lines, leaves as sentences, and goes back to a file.

`sentence.py` has the one type that all rooms share. `files.py` opens a file and yields its lines. `formats.py` turns
lines into sentences and sentences into text; `columns.py`, `conllu.py` and `json_lines.py` have the functions of each
format. `paragraphs.py` finds paragraphs. `schema.py` checks values that come from outside. Start in
`sentence.py`.
"""
