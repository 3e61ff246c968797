"""Texts and documents of spaCy come in, its own objects with our tags and sentences go out.

`spacy_tagger.py` is a component of pipelines, `spacy_tokenizer.py` a tokenizer for them. Start in `spacy_tagger.py`.
"""
