"""The network: word forms come in as ids, a score for every tag of every token goes out.

Start in `network.py`: `TaggerNetwork.forward` is three lines, embed, encode and score. Then read `batch.py` (sentences
to padded batches), `embeddings.py` (a vector for each word form), `cells.py` (one time step from scratch),
`recurrent.py` (one direction: the loop over time), `encoder.py` (both directions, a stack) and `decoder.py` (scores to
the loss and to tags, by softmax or CRF). `vocabulary.py` turns words into ids. All this takes half an hour.
`steps.py` has the time steps again, for tagging.

Skip the rest at first reading. `crf.py` has the algorithms of a chain of tags, and `linear_chain.py` is a second
opinion beside the networks. `transformer.py` is for pretrained transformers. `storage.py` refuses networks that are too
large and makes weights small on disk, and `device.py` says where a network computes.
"""
