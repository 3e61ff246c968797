"""Taggers on text as it is and spoilt -> a table: `python docs/noise.py GOLD TAGGER ...`.

GOLD is a file in CoNLL-U; TAGGER is a folder or a name. Columns are the accuracy of UPOS in percent, with gold tokens
and tagged alone: as the words are, in lower case, in capitals, with capitals first, with the first quarter of each
sentence in capitals, and with typing errors: 15 % of the words of four letters and more have two letters swapped, one
dropped or one doubled.
"""

import argparse
import random

import tagger
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines

SEED = 1
MISTYPED = 0.15
COLUMNS = ("as it is", "lower case", "UPPER CASE", "Title Case", "in part", "typing errors")


def mistyped(word: str, chance: random.Random) -> str:
    """A word as it is, or with a typing error."""
    if len(word) < 4 or not word.isalpha() or chance.random() > MISTYPED:
        return word
    at = chance.randrange(1, len(word) - 1)
    swapped, dropped, doubled = word[at + 1] + word[at] + word[at + 2 :], word[at + 1 :], word[at] + word[at:]
    return word[:at] + chance.choice((swapped, dropped, doubled))


def spoilt(words: list[str], how: str, chance: random.Random) -> list[str]:
    """The words of a sentence, spoilt as a column says."""
    match how:
        case "lower case":
            return [word.lower() for word in words]
        case "UPPER CASE":
            return [word.upper() for word in words]
        case "Title Case":
            return [word[:1].upper() + word[1:] for word in words]
        case "in part":
            most = max(1, len(words) // 4)
            return [*(word.upper() for word in words[:most]), *words[most:]]
        case "typing errors":
            return [mistyped(word, chance) for word in words]
    return words


def main() -> None:
    """Prints a row for each tagger."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gold", metavar="GOLD")
    parser.add_argument("taggers", nargs="+", metavar="TAGGER")
    arguments = parser.parse_args()
    gold = list(read_conllu(read_lines(arguments.gold), arguments.gold))
    total = sum(map(len, gold))
    print("| | " + " | ".join(COLUMNS) + " |\n" + "|---" * (len(COLUMNS) + 1) + "|")
    for name in arguments.taggers:
        model, cells = tagger.load(name, device="cpu"), []
        for how in COLUMNS:
            chance = random.Random(SEED)
            found = model.tag_sentences([spoilt(sentence.tokens, how, chance) for sentence in gold], "upos")
            right = sum(
                tag == given
                for sentence, tags in zip(gold, found, strict=True)
                for tag, given in zip(sentence.tags["upos"], tags, strict=True)
            )
            cells.append(f"{100 * right / total:.2f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
