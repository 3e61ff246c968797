"""Messages that all rooms share."""

import sys

import pytest

from tagger.errors import missing_extra
from tests.commands.conftest import call


def test_a_missing_package_is_installed_from_the_source() -> None:
    assert str(missing_extra("onnx", "onnx")) == (
        "onnx is not installed; in the folder of the tagger's source, run pip install -e '.[onnx]'"
    )
    assert str(missing_extra("pandas", None)).endswith(", run pip install -e .")


@pytest.mark.parametrize("package", ["fastapi", "uvicorn"])
def test_serve_says_what_it_lacks(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, package, raising=False)
    monkeypatch.setattr("tagger.commands.serve.find_spec", lambda name: None if name == package else True)
    assert f"error: {missing_extra(package, 'serve')}\n" in call("serve", status=2).stderr
