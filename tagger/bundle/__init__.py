"""A trained tagger as a value and as a folder: a name or a folder comes in, the tagger's parts come out.

`bundle.py` has the value, `Bundle`, which loads and saves itself: networks and linear chains. A folder may come from
somebody else, so all of it is checked there; `saved_config.py` has the names of its files. `catalog.py` finds the
folder of a name, also of one on the Hugging Face Hub. Start in `bundle.py`.
"""
