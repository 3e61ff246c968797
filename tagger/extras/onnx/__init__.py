"""A tagger comes in, an ONNX file that tags without this package goes out.

`onnx_file.py` writes the graph of `onnx_graph.py` and what `onnx_description.py` says of it. Start in `onnx_file.py`.
"""
