"""A folder in the place of the Hugging Face Hub: it answers what we ask of huggingface_hub, with its errors."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import filter_repo_objects

ANSWER = httpx.Response(404, request=httpx.Request("GET", "https://huggingface.co"))


class Hub:
    """`HfApi` and `snapshot_download`. The files of a revision are in `root / OWNER / NAME / REVISION`."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root, self.cache = root, cache
        self.private: dict[str, bool] = {}
        self.messages: list[str] = []
        self.error: Exception | None = None  # that every call raises

    def put(self, repository: str, folder: Path, revision: str = "main") -> Path:
        """Copies a folder to the Hub."""
        return Path(shutil.copytree(folder, self.root / repository / revision, dirs_exist_ok=True))

    def snapshot_download(self, repository: str, *, revision: str, allow_patterns: list[str]) -> str:
        if self.error is not None:
            raise self.error
        there = self.root / repository / revision
        if not there.parent.is_dir():
            raise RepositoryNotFoundError("no repository", response=ANSWER)
        if not there.is_dir():
            raise RevisionNotFoundError("no revision", response=ANSWER)
        here = self.cache / repository / revision
        for name in filter_repo_objects(files_of(there), allow_patterns=allow_patterns):
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(there / name, here / name)
        return str(here)

    def create_repo(self, repository: str, *, private: bool | None, exist_ok: bool) -> None:
        if self.error is not None:
            raise self.error
        self.private.setdefault(repository, bool(private))
        (self.root / repository / "main").mkdir(parents=True, exist_ok=exist_ok)

    def model_info(self, repository: str) -> Any:
        return SimpleNamespace(private=self.private[repository])

    def create_branch(self, repository: str, *, branch: str, exist_ok: bool) -> None:
        (self.root / repository / branch).mkdir(parents=True, exist_ok=exist_ok)

    def upload_folder(
        self, *, repo_id: str, folder_path: str, revision: str, commit_message: str, delete_patterns: list[str]
    ) -> Any:
        there = self.root / repo_id / revision
        for name in filter_repo_objects(files_of(there), allow_patterns=delete_patterns):
            (there / name).unlink()
        shutil.copytree(folder_path, there, dirs_exist_ok=True)
        self.messages.append(commit_message)
        return SimpleNamespace(commit_url=f"https://huggingface.co/{repo_id}/commit/{len(self.messages)}")


def files_of(folder: Path) -> dict[str, bytes]:
    """The files of a folder by their paths."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
