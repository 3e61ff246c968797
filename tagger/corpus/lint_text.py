"""Checks of characters: damaged encodings, and forms with spaces."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from tagger.corpus.findings import Finding, Severity
from tagger.corpus.lined import LinedSentence

RARE_SHARE = 0.01  # of the words of a corpus have spaces inside: then these are exceptions
_SPACE = re.compile(r"\s")
_NUMBER = re.compile(r"[\d\s.,%+-]+")  # `1 000`, which UD allows
_ENTITY = re.compile(r"&(?:#[0-9]+|#x[0-9a-fA-F]+|[a-zA-Z]{2,8});")
_JOINERS = "\u200c\u200d"  # they shape letters of Arabic and Indic scripts, and join emoji
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
# What the first and the other bytes of a UTF-8 character look like in Latin-1 and in Windows-1252.
_MOJIBAKE = re.compile(
    "[\u00c2-\u00f4]"
    "[\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]+"
)
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "COPTIC")  # they have letters that look alike


def damaged_text(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields the forms, those of multiword tokens too, and the lemmas whose characters are damaged."""
    forms = Counter(form for sentence in sentences for form in sentence.tokens)
    mixed = _mixed_normalisation(forms)
    known: dict[str, tuple[Severity, str] | None] = {}

    def damage(string: str) -> tuple[Severity, str] | None:
        if string.isascii() and string.isprintable() and "&" not in string:
            return None
        if string not in known:
            known[string] = _damage(string) or (_unnormalised(string, forms) if mixed else None)
        return known[string]

    for sentence in sentences:
        cells = [(line, form, "") for line, form in sentence.surfaces]
        for line, form, lemma in zip(sentence.lines, sentence.tokens, sentence.tags["lemma"], strict=True):
            cells.append((line, form, "") if damage(form) else (line, lemma, "lemma"))
        for line, string, column in sorted(cells):
            if (found := damage(string)) is not None:
                severity, reason = found
                yield Finding(severity, "damaged-text", sentence.file, line, string, column, "", reason)


def _damage(string: str) -> tuple[Severity, str] | None:
    """The severity and the reason; None if the characters are sound."""
    for character in string:
        category = unicodedata.category(character)
        code = f"U+{ord(character):04X}"
        if character == "\ufffd":
            return "error", f"{code} stands where a character was lost"
        if category == "Cc":
            return "error", f"the control character {code}"
        if category in ("Co", "Cn"):
            return "warning", f"{code} is a character that Unicode does not define"
    if (meant := _repaired(string)) is not None:
        return "warning", f"mojibake: perhaps {meant}, in UTF-8 read as another encoding"
    if entity := _ENTITY.search(string):
        return "warning", f"{entity[0]} is an entity of HTML"
    if (scripts := _mixed_scripts(string)) is not None:
        return "warning", f"letters of {' and '.join(scripts)} in one word; some look alike"
    if invisible := next((c for c in string if _INVISIBLE.match(c) and not _shapes(c, string)), None):
        return "note", f"the invisible character U+{ord(invisible):04X}, {unicodedata.name(invisible, '?')}"
    return None


def _repaired(string: str) -> str | None:
    """The string without mojibake: UTF-8 that was read as Windows-1252 or Latin-1; None if there is none."""
    repaired = _MOJIBAKE.sub(lambda found: _decoded(found[0]), string)
    return repaired if repaired != string else None


def _decoded(piece: str) -> str:
    """`piece` read as UTF-8, or unchanged if it is none."""
    raw = bytearray()
    for character in piece:
        try:
            raw += character.encode("latin-1" if character < "\u0100" else "cp1252")
        except UnicodeEncodeError:
            return piece
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return piece


def _mixed_scripts(string: str) -> list[str] | None:
    """Two scripts with letters that look alike, if letters of both stand side by side."""
    before = ""
    for character in string:
        name = unicodedata.name(character, "").partition(" ")[0] if character.isalpha() else ""
        script = name if name in _SCRIPTS else ""
        if before and script and script != before and {before, script} != {"GREEK", "COPTIC"}:
            return [before.capitalize(), script.capitalize()]
        before = script
    return None


def _shapes(character: str, string: str) -> bool:
    """Whether a joiner stands between characters of a script, or of emoji, that need it."""
    return character in _JOINERS and not any(unicodedata.name(c, "").startswith(_SCRIPTS) for c in string)


def _mixed_normalisation(forms: Counter[str]) -> bool:
    """Whether both normalised and unnormalised forms have characters that NFC would change."""
    kept = changed = False
    for form in forms:
        if form.isascii():
            continue
        if form != unicodedata.normalize("NFC", form):
            changed = True
        elif form != unicodedata.normalize("NFD", form):
            kept = True
        if kept and changed:
            return True
    return False


def _unnormalised(string: str, forms: Counter[str]) -> tuple[Severity, str] | None:
    normal = unicodedata.normalize("NFC", string)
    if normal == string:
        return None
    other = f"; {forms[normal]} times the corpus has it normalised" if normal in forms else ""
    return "warning", f"not in the normal form NFC, as other words are{other}"


def spaced_forms(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields the forms with white space inside, where these are exceptions and no numbers."""
    words = sum(len(sentence.tokens) for sentence in sentences)
    found = []
    spaced = 0
    for sentence in sentences:
        for line, form in zip(sentence.lines, sentence.tokens, strict=True):
            if _SPACE.search(form):
                spaced += 1
                if not _NUMBER.fullmatch(form):
                    reason = f"{form!r} has white space inside; {RARE_SHARE:.0%} of the words or fewer have"
                    found.append(Finding("note", "spaced-form", sentence.file, line, form, "", "", reason))
    if spaced <= RARE_SHARE * words:
        yield from found
