"""Two taggers, or files that they tagged, and gold files come in; whether one is better, and on which words, goes out.

`compare_command.py` reads the two sides, `compare.py` counts and tests significance. Start in `compare.py`.
"""
