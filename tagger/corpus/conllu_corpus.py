"""The kind of corpus `conllu`: a treebank in CoNLL-U."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tagger.corpus.config import Places
from tagger.corpus.files import SPLITS, FilesConfig
from tagger.errors import InputError
from tagger.text.conllu import COLUMNS, read_conllu
from tagger.text.files import read_lines
from tagger.text.packed import PACKED
from tagger.text.paths import located
from tagger.text.sentence import Sentence


@dataclass(kw_only=True)
class ConlluConfig(FilesConfig):
    """A treebank in CoNLL-U.

    Attributes:
        path: a folder with `*-train.conllu` and perhaps `*-dev.conllu` and `*-test.conllu`, plain or compressed. A file
            that `train`, `dev` or `test` names is used instead of the folder's. Or a list of folders.
    """

    list_key: ClassVar[str | None] = "path"
    kind: str = "conllu"
    path: Places = None

    def open(self, columns: list[str]) -> Any:
        """See `CorpusConfig.open`."""
        from tagger.corpus.splits import Source, check_columns, from_files, rules_for

        check_columns(columns, COLUMNS, "CoNLL-U; choose with columns=[...]")
        files = self.files()
        splits = from_files(_sentences, files, columns, {"encoding": self.encoding})
        return Source(self.name, splits, rules_for(self.name, Path(files["train"]).name))

    def named_files(self) -> dict[str, str | None]:
        """Those of the folder, and instead of them those that are named.

        Raises:
            InputError: the folder has none for train, or several for a split.
        """
        files = super().named_files()
        if self.path is not None:
            folder = self._folder
            files = {split: file or _in_folder(folder, split) for split, file in files.items()}
            if files["train"] is None:
                others = ", ".join(sorted(file.name for file in folder.glob("*.conllu*"))) or "no CoNLL-U file"
                raise InputError(f"{folder} has no *-train.conllu, it has {others}; name a file with corpus.train=FILE")
        return files

    @property
    def name(self) -> str:
        """The name of the folder, with the files that are not in there; else that of train."""
        if self.path is None:
            return super().name
        folder = self._folder.resolve()
        named = {split: Path(located(file)).resolve() for split in SPLITS if (file := getattr(self, split))}
        others = [f"{split} of {file.name}" for split, file in named.items() if not file.is_relative_to(folder)]
        return " with ".join([folder.name, *([", ".join(others)] if others else [])])

    @property
    def _folder(self) -> Path:
        return Path(located(str(self.path)))


def _in_folder(folder: Path, split: str) -> str | None:
    if not folder.is_dir():
        remedy = "is a file; give it as corpus.train=FILE" if folder.exists() else "does not exist; check corpus.path"
        raise InputError(f"{folder} {remedy}")
    found = sorted(file for end in ("", *PACKED) for file in folder.glob(f"[!.]*-{split}.conllu{end}"))
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise InputError(f"{folder} has {len(found)} files for {split}: {names}; choose one with corpus.{split}=FILE")
    return str(found[0]) if found else None


def _sentences(path: str, encoding: str) -> Iterator[Sentence]:
    return read_conllu(read_lines(path, encoding, "corpus.encoding"), path)
