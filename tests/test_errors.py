"""Messages that all rooms share."""

from tagger.errors import missing_extra


def test_a_missing_package_is_installed_from_the_source() -> None:
    assert str(missing_extra("onnx", "onnx")) == (
        "onnx is not installed; in the folder of the tagger's source, run pip install -e '.[onnx]'"
    )
    assert str(missing_extra("pandas", None)).endswith(", run pip install -e .")
