"""A tagger's folder comes in, a repository of the Hugging Face Hub with its files and a card goes out.

Reading taggers from the Hub is in the core (`bundle/catalog.py`). Start in `hub_push.py`.
"""
