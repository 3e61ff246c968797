"""The network: word forms come in as ids, a score for every tag of every token goes out.

Start in `network.py`: `TaggerNetwork.forward` is three lines, embed, encode and score. Then read `encoder.py` (a
direction, both directions, a stack), `cells.py` (one time step from scratch), `embeddings.py` (a vector for each word
form) and `collate.py` (sentences to padded batches). `decoder.py` turns scores into tags.

The rest may wait. `fast_cpu.py` makes training on a processor faster. `transformer.py` and `pieces.py` are for
pretrained transformers, `hidden_words.py` and `masked_batch.py` for pretraining. `memory.py` refuses networks that are
too large.
"""
