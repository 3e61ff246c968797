"""Trained and pretrained weights on disk.

A tagger's name becomes a folder (`catalog.py`), and a folder becomes a network and back (`folder.py`).
`saved_config.py` and `validation.py` check a folder, which may come from somebody else. `pretrained_folder.py` is for
networks that predict hidden words. `word_vectors.py` and `huggingface.py` load what others have pretrained. Start in
`folder.py`.
"""
