"""Texts and spaCy's Docs come in, Docs with our tokens, sentences and tags go out.

`spacy_tagger.py` is a component of pipelines, `spacy_tokenizer.py` a tokenizer. spaCy finds both by the entry points in
`pyproject.toml`. Start in `spacy_tagger.py`.
"""
