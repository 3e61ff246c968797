"""A tagger's folder comes in, a repository of the Hugging Face Hub goes out. Start in `hub_push.py`."""
