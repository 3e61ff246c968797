"""The beginning of KEY=VALUE -> the keys and the groups of the config that begin like it, for shell completion."""

import typer

from tagger.bundled import bundled


def complete_keys(context: typer.Context, incomplete: str) -> list[str]:
    """The keys and the groups of the command's config that begin with `incomplete`.

    Returns:
        `KEY=` for keys and `GROUP=CHOICE` (`corpus=conllu`) for groups; nothing for a command without a config.
    """
    from omegaconf import DictConfig, OmegaConf

    folder = bundled("conf")
    file = folder / f"{context.info_name}.yaml"
    if not file.is_file():
        return []

    def keys(config: DictConfig, before: str = "") -> list[str]:
        found: list[str] = []
        for name in config:
            value = config._get_node(name)
            full = f"{before}{name!s}"
            found += keys(value, f"{full}.") if isinstance(value, DictConfig) and len(value) else [f"{full}="]
        return found

    config = OmegaConf.load(file)
    assert isinstance(config, DictConfig)
    groups = [f"{path.parent.name}={path.stem}" for path in sorted(folder.glob("*/*.yaml"))]
    plain = [key for key in keys(config) if key.partition(".")[0].rstrip("=") not in ("defaults", "hydra")]
    return [key for key in [*plain, *groups] if key.startswith(incomplete)]
