"""What a user has typed of a value -> the keys of the config that it may become, for shell completion."""

import typer

from tagger.bundled import bundled


def complete_keys(context: typer.Context, incomplete: str) -> list[str]:
    """The keys of the command's config and its groups with their choices (`corpus=conllu`) that start so.

    Returns:
        `KEY=` for keys, `GROUP=CHOICE` for groups; nothing for a command without a config.
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
