"""Counts how reliable the dictionaries of the languages that come with the package are: `lemmas.json.gz` in `data/`.

    python -m tagger.extras.languages.count_lemmas [LANGUAGE ...] --corpora TREEBANKS [TREEBANKS ...]

No tagger is trained anew. The words are those from which a tagger has learned, as `make.py` joins them. A language
without a dictionary, or without lemmas, is left out; so is a tagger that has learned with a dictionary, since its
training has counted on all its words.
"""

from dataclasses import asdict
from io import StringIO

from tagger.bundle.bundle import Bundle
from tagger.bundle.catalog import bundled_folders, codes_of
from tagger.bundle.saved_config import LEMMAS, sign
from tagger.extras.languages.make import Language, languages_to_count
from tagger.text.conllu import read_conllu
from tagger.text.schema import write_packed_json
from tagger.text.strings import LEMMA, UPOS
from tagger.training.count_conventions import count_lemma_reliability
from tagger.training.start import dictionaries_of, known_dictionaries
from tagger.words.dictionary import LemmaReliability, digest_of, open_dictionary


def count(language: Language) -> LemmaReliability | None:
    """How reliable the dictionary's lemmas are; None if there is no dictionary, or no lemma."""
    texts = language.splits("train", "dev")  # where most of dev is learned, too, it is part of train
    splits = {split: list(read_conllu(StringIO(text), split)) for split, text in texts.items()}
    forms = {split: {form for s in sentences for form in s.tokens} for split, sentences in splits.items()}
    codes = known_dictionaries(dictionaries_of(codes_of(language.row.name)[0]), sorted(forms["dev"] - forms["train"]))
    if not codes:
        return None
    dictionary = open_dictionary(**{code: digest_of(code) for code in codes})
    words = ({"tokens": s.tokens, UPOS: s.tags[UPOS], LEMMA: s.tags[LEMMA]} for s in splits["train"])
    return count_lemma_reliability(words, dictionary)


def main() -> None:
    """Counts for the languages that the command line names, or for all."""
    for name, language in languages_to_count(__doc__).items():
        folder = bundled_folders().get(name)
        if folder is None:
            continue
        vocabulary = Bundle.load(folder).vocabulary
        if LEMMA not in vocabulary.columns or vocabulary.lemmas:
            continue
        found = count(language())
        if found is not None:
            write_packed_json(folder / LEMMAS, asdict(found))
            sign(folder)
        print(name, ", ".join(found.dictionary) if found else "no dictionary, or no lemmas", flush=True)


if __name__ == "__main__":
    main()
