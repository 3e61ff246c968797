"""A tagger's folder comes in; an ONNX graph, and a JSON that says how words become its inputs, go out.

`onnx_graph.py` makes the graph, and `onnx_file.py` writes both files. A new embedding is a case in `form_shapes` and in
`embed` of `onnx_graph.py`, and in the readers of docs/onnx/. A new cell that computes what an operator of ONNX does is
a row of `OPERATORS` there. What has none is refused. Start in `onnx_file.py`.
"""
