"""A trained tagger for programs without us: ONNX files, and a repository of the Hugging Face Hub.

`onnx_file.py` writes the graph of `onnx_graph.py` and what `onnx_description.py` says of it, and `hub_push.py` puts a
tagger's folder on the Hub. Start in `onnx_file.py`.
"""
