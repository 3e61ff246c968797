"""Trained and pretrained weights on disk.

Start in `folder.py`, which writes a network to a folder and reads it back. `catalog.py` finds the folder of a name,
and `hub.py` that of a tagger on the Hugging Face Hub, where `hub_push.py` puts one. `onnx_file.py` writes ONNX.
`saved_config.py` and `validation.py` check a folder, since it may come from somebody else.
`word_vectors.py` and `huggingface.py` load what others have pretrained.
"""
