"""Command lines to plans: one run or the runs of a sweep, their values and folders, and mistakes."""

from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.sweeps.plan import Plan, plan, plan_again
from tagger.training.config import train_config


def planned(*arguments: str) -> Plan:
    found = plan("train", arguments)
    assert found is not None
    return found


def test_one_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    found = planned("model.depth=3", "hydra.run.dir=here")
    (job,) = found.jobs
    assert (job.overrides, job.config.model.depth, job.folder) == (["model.depth=3"], 3, Path("here"))
    assert "hydra" not in job.config
    assert (found.is_sweep, found.folder_is_given) == (False, True)
    default = planned()
    assert default.jobs[0].folder.parts[0] == "runs"
    assert not default.folder_is_given
    assert planned(f"hydra.run.dir={tmp_path}/below").jobs[0].folder == Path("below")
    assert planned("model.cell=lstm", "hydra.run.dir=of-${model.cell}").jobs[0].folder == Path("of-lstm")


def test_an_override_may_refer_to_another_value() -> None:
    (job,) = planned("model.depth=${seed}", "seed=3").jobs
    assert job.overrides == ["model.depth=${seed}", "seed=3"]
    assert train_config(job.config).model.depth == 3


@pytest.mark.parametrize("value", ["${x}", "${oc.env:NO_SUCH_VARIABLE}", "${model.depth}", "${x.y:1}", "${seed.x}"])
def test_a_reference_to_nothing_is_one_line(value: str) -> None:
    (job,) = planned(f"model.depth={value}").jobs
    assert job.overrides == [f"model.depth={value}"]
    with pytest.raises(InputError, match=r"^model\.depth: [^\n]+$"):
        train_config(job.config)


def test_a_sweep_is_the_product_of_its_values() -> None:
    found = planned("-m", "model.depth=1,2", "seed=3,4", "patience=7", "hydra.sweep.dir=sweep")
    assert found.folder == Path("sweep")
    assert found.folder_is_given
    assert [job.overrides for job in found.jobs] == [
        [f"model.depth={depth}", f"seed={seed}", "patience=7"] for depth in (1, 2) for seed in (3, 4)
    ]
    assert [job.folder for job in found.jobs] == [Path(str(number)) for number in range(4)]
    assert [(job.config.model.depth, job.config.seed) for job in found.jobs] == [(1, 3), (1, 4), (2, 3), (2, 4)]


def test_a_config_is_shown_with_names_of_files_in_it(capfd: pytest.CaptureFixture[str]) -> None:
    assert plan("train", ["--cfg", "job", "corpus=conllu", "corpus.train=trän (1).conllu"]) is None
    assert "train: trän (1).conllu" in capfd.readouterr().out


def test_options_may_stand_anywhere() -> None:
    for arguments in (["seed=1,2", "-m"], ["-m", "seed=1,2"], ["--multirun", "seed=1,2"]):
        assert len(planned(*arguments).jobs) == 2


def test_a_sweep_over_a_group_of_which_a_later_key_depends() -> None:
    found = planned("-m", "corpus=conllu", "corpus.path=a,b", "corpus.encoding=latin-1")
    assert [job.config.corpus.path for job in found.jobs] == ["a", "b"]


def test_a_config_may_ask_for_a_sweep() -> None:
    found = planned("experiment=directions")
    assert len(found.jobs) == 5
    hidden = [(job.config.model.hidden.forward, job.config.model.hidden.backward) for job in found.jobs]
    assert [bool(forward) + 2 * bool(backward) for forward, backward in hidden] == [1, 2, 3, 3, 3]


def test_configs_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "my conf" / "experiment").mkdir(parents=True)
    (tmp_path / "my conf" / "experiment" / "mine.yaml").write_text("# @package _global_\nmodel: {depth: 4}\n")
    found = planned("--config-dir", str(tmp_path / "my conf"), "experiment=mine")
    assert found.jobs[0].config.model.depth == 4
    assert found.jobs[0].overrides == ["experiment=mine"]
    (tmp_path / "my conf" / "page.yaml").write_text("defaults: [train, _self_]\nseed: 7\n")
    found = planned("--config-dir", str(tmp_path / "my conf"), "--config-name", "page", "-m", "experiment=mine,fast")
    assert [(job.config.model.depth, job.config.seed) for job in found.jobs] == [(4, 7), (1, 7)]
    assert plan_again("train", found.source).jobs == found.jobs
    with pytest.raises(InputError, match="--config-dir nowhere: no such folder"):
        planned("--config-dir", "nowhere")
    with pytest.raises(InputError, match=r"experiment=null: .* must be a string or a list"):
        planned("--config-dir", str(tmp_path / "my conf"), "experiment=null")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-m", "model.depth=range(0)"], ["model.depth=range(0)", "no value"]),
        (["model.depth=1,2"], ["model.depth=1,2", "-m"]),
        (["-m", "model.dropout=interval(0,1)"], ["model.dropout=interval(0,1)", "name the values"]),
        (
            ["corpus=conllu", "corpus.train=a,b.conllu"],
            ["corpus.train=a,b.conllu: no such file, and several values; -m"],
        ),
        (["-m", "seed=1,2", "hydra.sweep.dir=a,b"], ["hydra.sweep.dir=a,b: this holds for the sweep as a whole"]),
        (["-m", "hydra/launcher=basic,joblib"], ["hydra/launcher=basic,joblib: this holds for the sweep"]),
        (["columns={a:1}"], ["columns={a:1}: this kind of value does not fit; --cfg all shows the config"]),
        (["hydra.run.dir=null"], ["hydra.run.dir=null"]),
        (["model.depht=2"], ["depht"]),
        (["model.depth=["], ["model.depth=["]),
        (["experiment=nowhere"], ["experiment=nowhere"]),
        (["--nonsense"], ["--nonsense"]),
        (["resume=runs/x"], ["resume=runs/x", "python -m tagger resume runs/x"]),
        (["+resume="], ["python -m tagger resume RUN"]),
        (["hydra.mode=${x}"], ["hydra.mode"]),
        (["--cfg", "nonsense"], ["nonsense"]),
        (["--cfg", "job", "model.depht=2"], ["depht"]),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], words: list[str]) -> None:
    with pytest.raises(InputError) as error:
        plan("train", arguments)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_a_pretrained_network_has_no_speed_to_search_for() -> None:
    search = ["-m", "hydra/sweeper=optuna", "model.depth=1,2", "hydra.sweeper.directions=[maximize,maximize]"]
    assert planned(*search).search is not None
    with pytest.raises(InputError, match=r"directions: a pretrained network has no speed of tagging"):
        plan("pretrain", [*search, "text=a.txt"])


@pytest.mark.parametrize("arguments", [["hydra/launcher=nope"], ["--config-name", "nope"]])
def test_hydras_search_path_is_not_shown(arguments: list[str]) -> None:
    with pytest.raises(InputError, match=r"nope") as error:
        plan("train", arguments)
    assert "provider=" not in str(error.value)


def test_a_config_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan("pretrain", ["--cfg", "job", "model.depth=3"]) is None
    shown = capsys.readouterr().out
    assert "passes: 10" in shown
    assert "depth: 3" in shown


@pytest.mark.parametrize("arguments", [["hydra.run.dir="], ["-m", "hydra.sweep.dir="], ["-m", "hydra.sweep.subdir="]])
def test_an_empty_name_is_no_folder(arguments: list[str]) -> None:
    with pytest.raises(InputError, match=rf"{arguments[-1]} names no folder"):
        planned(*arguments)
