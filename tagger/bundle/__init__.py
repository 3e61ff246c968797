"""A trained tagger as a value and as a folder: a name or a folder comes in, the tagger's parts come out.

`bundle.py` has the value, `Bundle`, and `folder.py` the files. `catalog.py` finds the folder of a name, and `hub.py`
that of a tagger on the Hugging Face Hub. `saved_config.py` and `validation.py` check a folder, since it may come from
somebody else. Start in `bundle.py`.
"""
