"""Counts what each judge of `words/judges.py` is worth in each language: a table of the words of dev that it changes.

    python -m tagger.extras.languages.count_judges [LANGUAGE ...] --corpora TREEBANKS [TREEBANKS ...]

A judge that makes more words wrong than right should not act in a language. `Constraints` and `GivenTags` change
nothing here, because nobody gives tags.
"""

from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import islice

from tagger.bundle.catalog import bundled_folders
from tagger.extras.languages.make import languages_to_count
from tagger.tagging.languages import load
from tagger.tagging.tagger import Tagger
from tagger.text.conllu import read_conllu
from tagger.text.sentence import Sentence
from tagger.text.strings import is_annotated
from tagger.words.facts import Judge

SENTENCES = 3_000  # of dev, at most
HEAD = ("language", "judge", "column", "words", "changed", "right without it", "right with it")


def count(tagger: Tagger, sentences: Sequence[Sentence]) -> Iterator[tuple[str, str, int, int, int, int]]:
    """A row for each judge and column in which it changes words; see `HEAD`. The words are those with gold tags."""
    every = tagger.engine.judges

    def tags_of(judges: list[Judge]) -> list[dict[str, list[str]]]:
        tagger.engine.judges = judges
        plain = [Sentence(sentence.tokens) for sentence in sentences]
        return [tagged.tags for tagged in tagger.stream(plain, top=2)]  # so that no word is settled before

    found = tags_of(every)
    for judge in every:
        without = tags_of([other for other in every if other is not judge])
        for column in tagger.vocabulary.columns:
            words = [
                word
                for sentence, before, after in zip(sentences, without, found, strict=True)
                for word in zip(before[column], after[column], sentence.tags[column], sentence.tokens, strict=True)
                if is_annotated(column, *word[2:])
            ]
            changed = [(before == gold, after == gold) for before, after, gold, _ in words if before != after]
            if changed:
                without_it, with_it = map(sum, zip(*changed, strict=True))
                yield type(judge).__name__, column, len(words), len(changed), without_it, with_it
    tagger.engine.judges = every


def main() -> None:
    """Prints the table of the languages that the command line names, or of all."""
    print(*HEAD, sep="\t")
    for name, language in languages_to_count(__doc__).items():
        if name in bundled_folders():
            tagger = load(name)
            assert isinstance(tagger, Tagger)
            dev = language().splits("train", "dev")["dev"]
            for row in count(tagger, list(islice(read_conllu(StringIO(dev), name), SENTENCES))):
                print(name, *row, sep="\t", flush=True)


if __name__ == "__main__":
    main()
