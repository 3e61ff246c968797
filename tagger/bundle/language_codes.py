"""The name of a corpus -> the codes of its languages, as the Hugging Face Hub writes them."""

import re


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


# The languages of Universal Dependencies, as its treebanks are called, and their codes in ISO 639 (two letters where
# there are two): https://universaldependencies.org/#current-ud-languages
CODES = _pairs("""
Abaza abq Abkhaz ab Afrikaans af Akkadian akk Akuntsu aqz Albanian sq Amharic am Ancient_Greek grc Ancient_Hebrew hbo
Apurina apu Arabic ar Armenian hy Assyrian aii Azerbaijani az Bambara bm Basque eu Bavarian bar Beja bej Belarusian be
Bengali bn Bhojpuri bho Bororo bor Breton br Bulgarian bg Buryat bxr Cantonese yue Catalan ca Cebuano ceb Chinese zh
Chukchi ckt Classical_Armenian xcl Classical_Chinese lzh Coptic cop Croatian hr Czech cs Danish da Dutch nl Egyptian
egy English en Erzya myv Esperanto eo Estonian et Faroese fo Finnish fi French fr Galician gl Georgian ka German de
Gheg aln Gothic got Greek el Guajajara gub Guarani gn Gujarati gu Gwichin gwi Haitian_Creole ht Hausa ha Hebrew he
Highland_Puebla_Nahuatl azz Hindi hi Hittite hit Hungarian hu Icelandic is Indonesian id Irish ga Italian it Japanese
ja Javanese jv Kaapor urb Kangri xnr Karelian krl Karo arr Kazakh kk Khunsari kfm Kiche quc Komi_Permyak koi
Komi_Zyrian kpv Korean ko Kurmanji kmr Kyrgyz ky Latgalian ltg Latin la Latvian lv Ligurian lij Lithuanian lt Livvi
olo Low_Saxon nds Luxembourgish lb Macedonian mk Madi jaa Makurap mpu Malayalam ml Maltese mt Manx gv Marathi mr
Mbya_Guarani gun Moksha mdf Munduruku myu Naija pcm Nayini nyq Neapolitan nap Nheengatu yrl North_Sami se
Northwest_Gbaya gya Norwegian no Old_Church_Slavonic cu Old_East_Slavic orv Old_French fro Old_Irish sga Old_Turkish
otk Ottoman_Turkish ota Pashto ps Paumari pad Persian fa Pesh pay Phrygian xpg Polish pl Pomak qpm Portuguese pt
Romanian ro Russian ru Sanskrit sa Scottish_Gaelic gd Serbian sr Sindhi sd Sinhala si Skolt_Sami sms Slovak sk
Slovenian sl Soi soj South_Levantine_Arabic ajp Spanish es Spanish_Sign_Language ssp Swedish sv Swedish_Sign_Language
swl Swiss_German gsw Tagalog tl Tamil ta Tatar tt Teko eme Telugu te Thai th Tswana tn Tupinamba tpn Turkish tr
Ukrainian uk Umbrian xum Upper_Sorbian hsb Urdu ur Uyghur ug Uzbek uz Veps vep Vietnamese vi Warlpiri wbp Welsh cy
Western_Armenian hyw Western_Sierra_Puebla_Nahuatl nhi Wolof wo Xavante xav Xibe sjo Yakut sah Yoruba yo Yupik ess
Zaar say
""")
# Codes of three letters (ISO 639-2 and 639-3) and of two, of the languages that come with the package, and of North
# Sami, whose treebank has three. The Hub wants two letters where there are two.
TWO_LETTERS = _pairs("""
afr af ara ar arm hy bel be cat ca ces cs chi zh cym cy cze cs dan da deu de dut nl ell el eng en fas fa fin fi fra fr
fre fr ger de gle ga gre el heb he hin hi hrv hr hye hy ice is ind id isl is ita it jpn ja kor ko lav lv lit lt mlt mt
nld nl nno nn nob nb nor no per fa pol pl por pt ron ro rum ro rus ru slk sk slo sk slv sl sme se spa es srp sr swe sv
tha th tur tr uig ug ukr uk vie vi wel cy zho zh
""")
# What speakers call the languages that come with the package, where English has another word, and their codes.
OWN_NAMES = _pairs("""
العربية ar հայերեն hy беларуская be català ca 中文 zh 汉语 zh 漢語 zh hrvatski hr čeština cs česky cs
dansk da nederlands nl suomi fi français fr deutsch de ελληνικά el עברית he हिन्दी hi हिंदी hi
íslenska is bahasa_indonesia id gaeilge ga italiano it 日本語 ja 한국어 ko latviešu lv lietuvių lt
malti mt norsk no bokmål nb nynorsk nn فارسی fa polski pl português pt română ro русский ru srpski sr
српски sr slovenčina sk slovenščina sl español es svenska sv ไทย th ภาษาไทย th türkçe tr українська uk
ئۇيغۇرچە ug tiếng_việt vi cymraeg cy
""")
_TREEBANK = re.compile(r"\bUD_([A-Za-z_]+)-")
_WRITTEN_FORMS = {"norwegian": ("nb", "nn")}  # which have codes of their own
_FILE = re.compile(r"(?:^|[-\s])([a-z]{2,3})_[a-z0-9]+(?=$|[\s,;])")


def language_codes(corpus: str) -> list[str]:
    """The codes of the languages of treebanks, such as `UD_English-EWT` or `universal_dependencies-en_ewt`, each once.

    An empty list means that the name does not tell.
    """
    found = [CODES[name] for name in _TREEBANK.findall(corpus) if name in CODES]
    if not found:
        codes = [TWO_LETTERS.get(code, code) for code in _FILE.findall(corpus)]
        found = [code for code in codes if code in CODES.values()]
    return list(dict.fromkeys(found))


def codes_of(language: str) -> tuple[str, ...]:
    """The codes of a language that is given by its English name in lower case; none for another word.

    >>> codes_of("norwegian"), codes_of("finding")
    (('no', 'nb', 'nn'), ())
    """
    code = CODES.get(language.title())
    return () if code is None else (code, *_WRITTEN_FORMS.get(language, ()))
