"""The network: word forms come in as ids, a score for every tag of every token goes out.

Start in `network.py`: `TaggerNetwork.forward` is three lines, embed, encode and score. Then read `embeddings.py` (a
vector for each word form), `encoder.py` (a direction, both directions, a stack), `cells.py` (one time step from
scratch) and `collate.py` (sentences to padded batches).
"""
