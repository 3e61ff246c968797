"""A trained tagger as a value and as a folder: a name or a folder comes in, the tagger's parts come out.

Start in `folder.py`, which writes a network to a folder and reads it back. `catalog.py` finds the folder of a name,
and `hub.py` that of a tagger on the Hugging Face Hub. `saved_config.py` and `validation.py` check a folder, since it
may come from somebody else.
"""
