"""An ensemble: the networks of several taggers in one, with their tags in one order, and taggers that make none."""

import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from tagger.bundle.bundle import Bundle, Linear
from tagger.errors import InputError
from tagger.extras.ensembles.ensemble import MAX_TAGGERS, checked_weights, ensemble_card, in_order_of, join
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import TaggerOptions
from tagger.training.fit_linear import train_linear
from tagger.words.dictionary import digest_of, open_dictionary
from tests.commands.conftest import CONLLU, call, error, saved
from tests.conftest import CORPUS, TOKENS, bundle_of, make_batch, make_network, make_segmenter
from tests.tagging.test_chains import SENTENCES, WEIGHT, scores, with_linear
from tests.words.test_dictionary import reliability


def reversed_tags(vocabulary: Vocabulary) -> Vocabulary:
    """The same columns and tags in reverse order."""
    tags = {column: tags[::-1] for column, tags in reversed(vocabulary.tags.items())}
    last = [len(tags) - 1 for tags in vocabulary.tags.values()]
    turned = [[last[1] - xpos, last[0] - upos] for upos, xpos in vocabulary.combinations]
    return replace(vocabulary, tags=tags, combinations=sorted(turned))


@pytest.fixture
def taggers(vocabulary: Vocabulary) -> list[Bundle]:
    """Two taggers that differ in sizes, decoder, temperature and in the order of their tags and columns."""
    turned = reversed_tags(vocabulary)
    network = make_network(turned, 2, decoder="crf", depth=1, cell="lstm")
    for decoder in network.decoders.values():
        for parameter in decoder.parameters():
            nn.init.normal_(parameter)
    other = bundle_of(network, turned, corpus="UD_B", license="CC0", temperatures={"upos": 0.5})
    return [bundle_of(make_network(vocabulary, 1), vocabulary, corpus="UD_A", license="CC0"), other]


def test_members_get_the_order_of_the_first(taggers: list[Bundle], tmp_path: Path, vocabulary: Vocabulary) -> None:
    join(taggers, [3, 1]).save(tmp_path / "both", "")
    both = Bundle.load(tmp_path / "both")
    assert [member.weight for member in both.members] == [0.75, 0.25]
    assert [member.temperatures for member in both.members] == [{}, {"upos": 0.5}]
    assert len({id(member.vocabulary) for member in both.members}) == 1  # they became equal
    assert both.vocabulary == taggers[0].vocabulary
    old, new = taggers[1].members[0], both.members[1]
    with torch.no_grad():
        before = old.network(make_batch(TOKENS, old.vocabulary)).scores
        after = new.network(make_batch(TOKENS, new.vocabulary)).scores
    for column, ids in old.vocabulary.tag_ids.items():
        rows = [ids[tag] for tag in new.vocabulary.tags[column]]
        assert rows != sorted(rows)
        torch.testing.assert_close(after[column], before[column][..., rows])
        one, other = (m.network.decoders[column] for m in (old, new))
        assert torch.equal(other.transitions, one.transitions[rows][:, rows])  # type: ignore[index]
        assert torch.equal(other.start, one.start[rows])  # type: ignore[index]
    tagger = Tagger(both, TaggerOptions("cpu", "float32"))
    for column, decoder in tagger.engine.decoders.items():  # a softmax has no transitions
        share = 0.25 / (0.5 if column == "upos" else 1)
        torch.testing.assert_close(decoder.transitions, share * both.networks[1].decoders[column].transitions)  # type: ignore[operator]
    assert [len(tags) for tags in tagger.tag_sentences(TOKENS)] == [len(tokens) for tokens in TOKENS]
    assert in_order_of(vocabulary, vocabulary) is vocabulary
    lemmas = Vocabulary.build([{"tokens": ["flights", "saw"], "lemma": ["flight", "saw"]}], ["lemma"], min_count=1)
    turned = replace(lemmas, tags={"lemma": lemmas.tags["lemma"][::-1]}, form_tags={"lemma": [[0], [1]]})
    assert lemmas.form_tags == {"lemma": [[1], [0]]}
    assert in_order_of(lemmas, turned) == lemmas


def test_members_may_be_ensembles_and_read_dictionaries_of_their_own(vocabulary: Vocabulary, tmp_path: Path) -> None:
    one, two, three = (bundle_of(make_network(vocabulary, seed), vocabulary) for seed in (1, 2, 3))
    both = join([one, two], [3, 1]).described(temperatures={"upos": 2.0})
    every = join([both, three])
    assert [member.weight for member in every.members] == [0.375, 0.125, 0.5]
    assert [member.temperatures.get("upos", 1.0) for member in every.members] == [2.0, 2.0, 1.0]
    assert every.networks == [*one.networks, *two.networks, *three.networks]
    assert every.vocabulary is vocabulary
    taggers = []
    for seed, code in enumerate((None, "en", "sq")):
        digests = {} if code is None else {code: digest_of(code)}
        known = vocabulary.with_lemmas(open_dictionary(**digests), 1)
        network = make_network(known, seed, lemmas=8 if digests else 0, dictionary=digests)
        ids = known.tag_ids["upos"]
        tags = [[ids[tag] for tag in sentence["upos"]] for sentence in CORPUS]
        linear = Linear("upos", train_linear(TOKENS, tags, len(ids), open_dictionary(**digests)), 0.3)
        taggers.append(replace(bundle_of(network, known), linear=(linear,)))
    both = join(taggers)
    assert len(both.linear) == 3  # the features differ, so no two are one
    both.save(tmp_path / "all", "")
    loaded = Bundle.load(tmp_path / "all")
    read = [each.chain.dictionary and [*each.chain.dictionary.digests] for each in loaded.linear]
    assert read == [None, ["en"], ["sq"]]
    sentences = [[*reversed(tokens), "walked", "Books"] for tokens in TOKENS]
    first, again = (Tagger(each, TaggerOptions("cpu", "float32")) for each in (both, loaded))
    expected = first.tag_sentences(sentences)
    assert again.tag_sentences(sentences) == expected
    assert [pickle.loads(pickle.dumps(again)).tag_sentences([each])[0] for each in sentences] == expected


def test_what_the_config_and_the_card_say_and_what_each_tagger_gives(taggers: list[Bundle]) -> None:
    scored = [each.described(scores={"dev": {"upos": share}}) for each, share in zip(taggers, (0.5, 0.75), strict=True)]
    made = join([*scored, taggers[0]], [5, 3, 2])
    config = {"ensemble": [0.5, 0.3, 0.2], "corpus": "UD_A; UD_B", "license": "CC0", "columns": ["upos", "xpos"]}
    assert made.config | config == made.config
    assert made.segmenter == "english"
    card = ensemble_card(made, [*scored, taggers[0]], "python -m tagger ensemble a b c")
    assert "| 2 | 0.3 | UD_B | 75.00% | – |" in card
    assert "python -m tagger ensemble a b c" in card
    segmenter = make_segmenter()
    learned = replace(taggers[0], segmenter=segmenter)
    assert join([learned, taggers[1]]).segmenter is segmenter
    assert join([taggers[1], learned]).segmenter == "english"
    one, other = (each.described(training={"noise": 0.3}) for each in taggers)
    assert join([one, other]).has_noise
    assert not join([one, taggers[1]]).has_noise
    assert join([one, replace(other, lemmas=reliability(90))]).lemmas == reliability(90)


def test_taggers_that_make_no_ensemble(vocabulary: Vocabulary, taggers: list[Bundle]) -> None:
    other = replace(vocabulary, tags={**vocabulary.tags, "upos": [*vocabulary.tags["upos"][:-1], "X"]})
    lacking = bundle_of(make_network(other), other)
    nothing, upos = Vocabulary.build([{"tokens": ["a"]}], [], 1), Vocabulary.build(CORPUS, ["upos"], min_count=1)
    first, fewer = taggers[0], Vocabulary.build(CORPUS[:2], ["upos", "xpos"], min_count=1)
    wide = replace(first, members=tuple(replace(first.members[0], weight=1 / 200) for _ in range(200)))
    cases = {
        f"not {MAX_TAGGERS + 1}": taggers[:1] * (MAX_TAGGERS + 1),
        "c lacks the tag 'VERB' of the column upos, which a has": [*taggers, lacking],
        "b has no tags": [first, bundle_of(make_network(nothing), nothing)],
        "these taggers have 400 networks, and one has at most 256": [wide, wide],
        "b lacks the column 'xpos', which a has": [first, bundle_of(make_network(upos), upos)],
        "a lacks the column 'xpos', which b has": [bundle_of(make_network(upos), upos), first],
        "a lacks the tag 'INTJ' of the column upos, which b has": [bundle_of(make_network(fewer), fewer), first],
    }
    for message, bundles in cases.items():
        with pytest.raises(InputError, match=message):
            join(bundles, None, [*"abcdefghijklmnopqrstuvwxyz"[: len(bundles)]])


def test_an_ensemble_says_the_weighted_mean_of_what_its_taggers_say(vocabulary: Vocabulary, tmp_path: Path) -> None:
    """Of taggers with and without linear chains, whose tags have different orders."""
    taggers = [
        with_linear(vocabulary),
        with_linear(reversed_tags(vocabulary), 2, 0.97),  # of which the network has next to nothing
        bundle_of(make_network(vocabulary, 3), vocabulary),
        replace(bundle_of(make_network(vocabulary, 4), vocabulary), linear=with_linear(vocabulary).linear),
    ]
    weights = [0.4, 0.3, 0.2, 0.1]
    join(taggers, weights).save(tmp_path / "a", "# card\n")
    joined = Bundle.load(tmp_path / "a")
    assert [each.weight for each in joined.linear] == pytest.approx([0.5 * WEIGHT, 0.3 * 0.97])  # equal ones are one
    twice = join([joined, taggers[2]], [0.25, 0.75])
    for column in vocabulary.columns:
        mean = torch.zeros(sum(map(len, SENTENCES)), len(vocabulary.tags[column]))
        for tagger, weight in zip(taggers, weights, strict=True):
            order = [tagger.vocabulary.tag_ids[column][tag] for tag in vocabulary.tags[column]]
            mean += weight * scores(tagger, column)[:, order]
        torch.testing.assert_close(scores(joined, column), mean, atol=1e-4, rtol=1e-4)
        mean = 0.25 * mean + 0.75 * scores(taggers[2], column)
        torch.testing.assert_close(scores(twice, column), mean, atol=1e-4, rtol=1e-4)


@pytest.fixture
def folders(model: Path, tmp_path: Path) -> list[str]:
    return [str(shutil.copytree(model, tmp_path / "a")), str(saved(tmp_path / "b", ["They", "walk"]))]


def test_folders_become_one_and_only_an_ensemble_is_replaced(folders: list[str], tmp_path: Path) -> None:
    result = call("ensemble", *folders, "-o", "both", "--weights", "3,1")
    assert "both: an ensemble of 2 with the weights 0.75, 0.25" in result.stderr
    assert checked_weights([1e308, 1e308], 2) == [0.5, 0.5]
    assert error("ensemble", *folders, "-o", "both").startswith("error: both exists")
    before = sorted((tmp_path / "a").iterdir())
    assert "a is no ensemble, and --force replaces nothing else" in error("ensemble", *folders, "-o", "a", "--force")
    assert sorted((tmp_path / "a").iterdir()) == before
    shutil.copytree("both", "whole")
    (tmp_path / "both" / "notes").mkdir()
    (tmp_path / "both" / "notes" / "mine.txt").touch()
    assert "mine.txt is no part of the ensemble" in error("ensemble", *folders, "-o", "both", "--force")
    shutil.rmtree("both/notes")
    (tmp_path / "both" / "vocabulary.json.gz").write_text("mine")
    assert "vocabulary.json.gz is damaged" in error("ensemble", *folders, "-o", "both", "--force")
    shutil.rmtree("both")
    shutil.move("whole", "both")
    call("ensemble", *folders, "-o", "both", "--weights", "3,1", "--force")
    for folder in folders:
        shutil.rmtree(folder)
    (tmp_path / "a.conllu").write_text(CONLLU)
    tag = ("tag", "a.conllu", "--model", "both", "--probabilities", "--top", "2", "-o", "out/")
    assert "model: both (2 networks, trained on Tiny);" in call(*tag).stderr
    first = Path("out/a.conllu").read_text()
    Path("out/a.conllu").unlink()
    call(*tag, "--workers", "2")
    assert Path("out/a.conllu").read_text() == first
    Path("tagged.tsv").write_text("They\tNOUN\nwalk\t_\n.\tPUNCT\n")
    kept = call("tag", "tagged.tsv", "--model", "both", "--keep").stdout
    assert kept.startswith("They\tNOUN\nwalk\t")
    scores = json.loads(call("evaluate", "a.conllu", "--model", "both", "--json").stdout)
    assert scores["upos"]["tokens"] == 5


def test_mistakes(folders: list[str], tmp_path: Path) -> None:
    for line, words in (
        ("a", "2 to 16 members, not 1"),
        ("a b --weights 1", "--weights 1: 1 for 2 taggers"),
        *((f"a b --weights 1,{bad}", "give each tagger a number above 0") for bad in ("0", "-1", "nan")),
        ("a b ./a", "a is named twice"),
        ("a english", "a lacks the column 'xpos', which"),
    ):
        assert words in error("ensemble", *line.split(), "-o", "new")
    assert not (tmp_path / "new").exists()
