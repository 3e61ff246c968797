"""The tagger inside other libraries: their texts and tokens come in, their own objects with our tags go out.

`spacy.py` is a component of spaCy's pipelines and `spacy_tokenizer.py` a tokenizer for them, `nltk.py` is a tagger as
NLTK knows it, `frames.py` makes tables of pandas and polars, and `ray.py` tags on a cluster. Start in `spacy.py`.
"""
