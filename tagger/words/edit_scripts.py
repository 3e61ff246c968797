r"""A string and what it becomes -> a short script of the change, which changes other strings in the same way.

From a word to its lemma: `Houses` -> `house` is `lower:*-`. From a multiword token to its words: `don't` -> `do n't` is
`keep:* ...`. A script is a rule, a colon and a template, whose characters mean:

    *   the rest of the string, at least one character, is kept
    .   one character is kept
    -   one character is dropped
    \   the next character is added, whatever it is

Every other character is added. A template without `*` is the whole result: `lower:go` for `went`.

Korean is changed within its syllables: 간 is 가+ㄴ. So the rule `jamo` reads the letters that syllables consist of.
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache, partial
from typing import NamedTuple
from unicodedata import normalize

MAX_CHARACTERS = 200  # a longer string shares nothing with another: the search takes the product of their lengths
RULES = ("keep", "like", "lower", "title", "upper", "jamo")
MIN_KEPT = 0.5  # a result of which less comes from the string is given as a whole: `lower:be` for `was` and for `is`
_SPECIAL = re.compile(r"[-*.\\]")
_SYLLABLE, _LETTERS = re.compile("[가-힣]"), re.compile("[\u1100-\u11ff]")  # of Hangul, and what these consist of
_decomposed, _composed = partial(normalize, "NFD"), partial(normalize, "NFC")
_STEP = re.compile(r"\\(.)|(.)", re.DOTALL)


class _Template(NamedTuple):
    text: str
    changes: int  # characters that it drops or adds
    letters: bool  # whether it adds letters


def edit_script(source: str, target: str) -> str:
    """The script that makes `target` of `source`.

    The result holds ASCII and characters of `target`, or what these consist of. Different pairs have the same script
    where that is possible, so that scripts can be the tags of a tagger. The rule is one of:

    - `lower`: the string is lower-cased first. It is preferred where `target` is in lower case.
    - `keep`: capitals stay as they are. It is preferred where `target` has more spaces, as words of a token have.
    - `like`: the string is lower-cased, and the result gets capitals at the same places: none, the first, or all.
    - `title`, `upper`: the string is lower-cased, and the first character of the result is upper-cased, or all are.
    - `jamo`: the string is decomposed (Unicode's NFD), and the result is composed (NFC). It is preferred where a string
      with syllables of Hangul changes.
    """
    words = target.count(" ") > source.count(" ")
    if source != target and not words and _SYLLABLE.search(source):
        script = f"jamo:{_template(_decomposed(source), _decomposed(target), words=False).text}"
        if apply_script(script, source) == target:
            return script
    lower, lower_target = source.lower(), target.lower()
    kept, changed = _template(source, target, words), _template(lower, lower_target, words)
    candidates = [(kept.changes + (words and kept.letters), 0, "keep", kept)]
    if words and _like(source, lower_target) == target:
        candidates.append((changed.changes, 1, "like", changed))
    if lower_target == target:
        candidates.append((changed.changes if words else -1, 2, "lower", changed))
    if _title(lower_target) == target:
        candidates.append((changed.changes, 3, "title", changed))
    if lower_target.upper() == target:
        candidates.append((changed.changes, 4, "upper", changed))
    _, _, capitals, template = min(candidates)
    return f"{capitals}:{template.text}"


def apply_script(script: str, source: str) -> str | None:
    """What `script` makes of `source`; None if it does not fit, or is no script.

    A script does not fit a string that is too short for it, or of whose syllables it would leave single letters.

    `apply_script(edit_script(source, target), source)` is `target`.
    """
    least, capitals, steps, ends = _parsed(script)
    base = _decomposed(source) if capitals == "jamo" else source if capitals == "keep" else source.lower()
    if least is None or len(base) < least:
        return None
    if ends is not None:
        first, begin, dropped, last = ends
        result = f"{first}{base[begin : len(base) - dropped]}{last}"
    else:
        result, place = "", 0
        for step, added in steps:
            end = place + (len(base) - least + 1 if step == "*" else 1 if added is None else 0)
            result += base[place:end] if step in ("*", ".") else added or ""
            place = end
    match capitals:
        case "like":
            return _like(source, result)
        case "title":
            return _title(result)
        case "upper":
            return result.upper()
        case "jamo":
            result = _composed(result)
            return None if _LETTERS.search(result) and not _LETTERS.search(source) else result
    return result


def apply_to_all(script: str, sources: Sequence[str]) -> list[str | None]:
    """What `apply_script` gives of each string; one call for many strings is several times faster."""
    least, capitals, _, ends = _parsed(script)
    if least is None or ends is None or capitals not in ("keep", "lower"):
        return [apply_script(script, source) for source in sources]
    first, begin, dropped, last = ends
    bases = sources if capitals == "keep" else [source.lower() for source in sources]
    return [f"{first}{base[begin : len(base) - dropped]}{last}" if len(base) >= least else None for base in bases]


def length(source: str) -> int:
    """How many characters scripts find in a string, those that syllables of Hangul consist of counted one by one."""
    return len(_decomposed(source)) if _SYLLABLE.search(source) else len(source)


def least_characters(script: str) -> int | None:
    """How many characters a string has at least that `script` fits; None if it is no script."""
    return _parsed(script)[0]


@lru_cache(maxsize=10_000)
def _parsed(script: str) -> tuple[int | None, str, list[tuple[str, str | None]], tuple[str, int, int, str] | None]:
    """What `least_characters` gives, the rule, and the steps: `*`, `.` or `-`, or what is added.

    At last, of a script that changes the two ends of a string alone, what it adds before the rest, how many characters
    it drops there and at the end, and what it adds there: nearly all scripts of a language with endings.
    """
    capitals, colon, template = script.partition(":")
    steps = [
        ("", escaped or plain) if escaped or not _SPECIAL.fullmatch(plain) else (plain, None)
        for escaped, plain in _STEP.findall(template)
    ]
    read = [step for step, added in steps if added is None]
    fits = (read.count("*") == 1 or not read) and colon and capitals in RULES
    ends = None
    if fits and "." not in read and read:
        rest = steps.index(("*", None))
        (first, begin), (last, dropped) = (
            ("".join(added or "" for _, added in part), sum(added is None for _, added in part))
            for part in (steps[:rest], steps[rest + 1 :])
        )
        ends = first, begin, dropped, last
    return len(read) if fits else None, capitals, steps, ends


def affixes_of(script: str) -> tuple[int, int] | None:
    """How many characters `script` reads before and after the rest; None if it keeps no rest, or is no script."""
    least, _, parts, _ = _parsed(script)
    if least is None:
        return None
    steps = "".join(step for step, added in parts if added is None)
    before, rest, after = steps.partition("*")
    return (len(before), len(after)) if rest else None


def _template(source: str, target: str, words: bool) -> _Template:
    """The template of a change, in which the first run of characters that both share is the rest.

    Of the words of a token it is the first of at least two characters, so that `daquele` and `duma` (`de aquele`,
    `de uma`) have one script.
    """
    if source == target and source:
        return _Template("*", 0, False)
    is_short = max(len(source), len(target)) <= MAX_CHARACTERS
    # The longest run that both share, those before it and after it, in order, and at last one of no characters.
    blocks = SequenceMatcher(None, source, target, autojunk=False).get_matching_blocks() if is_short else []
    runs, kept = blocks[:-1], sum(size for _, _, size in blocks)
    if not runs or kept < MIN_KEPT * len(target):
        return _Template(_escaped(target), len(source) + len(target), any(map(str.isalpha, target)))
    rest = next((run for run in runs if run[2] > 1), runs[0]) if words else runs[0]
    parts: list[str] = []
    added: list[str] = []
    place = place_target = 0
    for run in blocks:
        start, start_target, size = run
        added.append(target[place_target:start_target])
        parts += ["-" * (start - place), _escaped(added[-1]), "*" if run is rest else "." * size]
        place, place_target = start + size, start_target + size
    letters = any(map(str.isalpha, "".join(added)))
    return _Template("".join(parts), len(source) + len(target) - 2 * kept, letters)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: "\\" + found.group(), text)


def _like(source: str, text: str) -> str:
    """`text` in lower case with the capitals of `source`."""
    if source.upper() == source and sum(character != character.lower() for character in source) > 1:
        return text.upper()
    return _title(text) if source[:1] != source[:1].lower() else text


def _title(text: str) -> str:
    return text[:1].upper() + text[1:]
