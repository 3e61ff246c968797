"""Encoders that arrive by pip: where an installed package lies, without importing it."""

import importlib.util
from importlib import metadata
from pathlib import Path


def installed_package(module: str, distribution: str) -> tuple[Path, str] | None:
    """The folder of a package and its version; None if it is not installed.

    Args:
        module: what Python calls the package.
        distribution: what pip calls it.
    """
    spec = importlib.util.find_spec(module)
    try:
        version = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]), version
