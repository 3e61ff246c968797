"""A stand-in for the Hugging Face Hub: the part of its HTTP API that loading and pushing a tagger need, in memory.

It follows https://huggingface.co/docs/hub/api and what `huggingface_hub` sends: repositories of commits, branches, two
ways to upload (in the commit itself, or before it by LFS), and the errors of the Hub with their headers.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_" + "s" * 34


class Repository:
    """Commits with their files, and what branches and tags name."""

    def __init__(self, files: dict[str, bytes], private: bool = False, gated: bool = False) -> None:
        self.private, self.gated = private, gated
        self.commits: dict[str, dict[str, bytes]] = {}
        self.messages: list[str] = []
        self.refs: dict[str, str] = {}
        self.sizes: dict[str, int | None] = {}  # that the list of files states in the place of the true ones
        self.commit("main", files, "initial commit")

    def commit(self, branch: str, files: dict[str, bytes], message: str) -> str:
        """Puts a commit on a branch; returns its hash."""
        digest = hashlib.sha1(json.dumps([len(self.commits), sorted(files), message]).encode()).hexdigest()
        self.commits[digest], self.refs[branch] = files, digest
        self.messages.append(message)
        return digest

    def resolve(self, revision: str) -> str | None:
        return revision if revision in self.commits else self.refs.get(revision)


class Hub:
    """What the stand-in holds, and what it was asked."""

    def __init__(self) -> None:
        self.address = ""
        self.clear()

    def clear(self) -> None:
        """Holds nothing, and has been asked nothing."""
        self.repositories: dict[str, Repository] = {}
        self.uploads: dict[str, bytes] = {}  # by LFS
        self.requests: list[tuple[str, str]] = []
        self.tokens: set[str | None] = set()
        self.down = False  # answers 503 to all

    def downloads(self) -> list[str]:
        """The paths of files that were fetched."""
        return [path for method, path in self.requests if method == "GET" and "/resolve/" in path]


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_GET

    def _answer(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        authorization = self.headers.get("Authorization")
        self.hub.requests.append((self.command, unquote(url.path)))
        self.hub.tokens.add(authorization)
        if self.hub.down:
            return self._send(503, {"error": "down"})
        if authorization not in (None, f"Bearer {TOKEN}"):
            return self._send(401, {"error": "Invalid credentials"}, "", "Invalid credentials in Authorization header")
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        if parts == ["api", "validate-yaml"]:
            return self._send(200, {"errors": [], "warnings": []})
        if self.command == "PUT":
            self.hub.uploads[parts[-1]] = body
            return self._send(200, {})
        if self.command == "POST" and authorization is None:
            return self._send(401, {"error": "Invalid username or password."})
        if parts == ["api", "repos", "create"]:
            return self._create(json.loads(body))
        if parts[:2] == ["api", "models"]:
            return self._api("/".join(parts[2:4]), parts[4:], parse_qs(url.query), body)
        if parts[2:3] == ["resolve"]:
            return self._file("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        if parts[1:2] and parts[1].endswith(".git"):
            return self._lfs(json.loads(body))
        return self._send(404, {"error": "not found"})

    def _create(self, wanted: dict[str, Any]) -> None:
        name = f"{wanted['organization']}/{wanted['name']}" if wanted.get("organization") else wanted["name"]
        if name.startswith("others/"):
            return self._send(403, {"error": "You don't have the rights"}, "", "no rights")
        if name in self.hub.repositories:
            return self._send(409, {"error": "exists", "url": f"{self.hub.address}/{name}"})
        private = bool(wanted.get("private")) or wanted.get("visibility") == "private"
        self.hub.repositories[name] = Repository({".gitattributes": b""}, private)
        return self._send(200, {"url": f"{self.hub.address}/{name}", "name": name, "id": name})

    def _repository(self, name: str) -> Repository | None:
        """The repository; None if the answer is an error, which is sent."""
        found = self.hub.repositories.get(name)
        if found is None or (found.private and "Authorization" not in self.headers):
            self._send(404 if "Authorization" in self.headers else 401, {"error": "no repository"}, "RepoNotFound")
            return None
        return found

    def _api(self, name: str, rest: list[str], query: dict[str, list[str]], body: bytes) -> None:
        found = self._repository(name)
        if found is None:
            return None
        if rest[:1] == ["branch"]:
            found.refs.setdefault("/".join(rest[1:]), found.refs["main"])
            return self._send(200, {})
        named = rest[1] if rest[:1] == ["tree"] else "/".join(rest[1:])
        commit = found.resolve(named) if named else found.refs["main"]
        if commit is None:
            return self._send(404, {"error": "no revision"}, "RevisionNotFound")
        files = found.commits[commit]
        if rest[:1] == ["tree"]:
            return self._tree(files, "/".join(rest[2:]))
        if rest[:1] == ["preupload"]:
            asked = json.loads(body)["files"]
            lfs = {True: "lfs", False: "regular"}
            modes = [{"path": f["path"], "uploadMode": lfs[f["path"].endswith(".safetensors")]} for f in asked]
            return self._send(200, {"files": [{**mode, "shouldIgnore": False, "oid": None} for mode in modes]})
        if rest[:1] == ["commit"]:
            return self._commit(found, name, "/".join(rest[1:]), body)
        siblings = [
            {"rfilename": file, "size": found.sizes.get(file, len(data)), "blobId": hashlib.sha1(data).hexdigest()}
            for file, data in files.items()
        ]
        shown = siblings if "blobs" in query else [{"rfilename": each["rfilename"]} for each in siblings]
        about = {"_id": name, "id": name, "modelId": name, "private": found.private, "gated": found.gated}
        return self._send(200, {**about, "sha": commit, "siblings": shown, "tags": [], "downloads": 0})

    def _tree(self, files: dict[str, bytes], folder: str) -> None:
        """The files of a folder and of all folders in it."""
        entries = [
            {"type": "file", "path": file, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
            for file, data in files.items()
            if file.startswith(f"{folder}/" if folder else "")
        ]
        if not entries:
            return self._send(404, {"error": "no folder"}, "EntryNotFound")
        return self._send(200, json.dumps(entries).encode())

    def _commit(self, found: Repository, name: str, branch: str, body: bytes) -> None:
        files, message = dict(found.commits[found.refs[branch]]), ""
        for line in map(json.loads, body.decode().splitlines()):
            value = line["value"]
            if line["key"] == "header":
                message = value["summary"]
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.uploads[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        commit = found.commit(branch, files, message)
        url = f"{self.hub.address}/{name}/commit/{commit}"
        self._send(200, {"success": True, "commitUrl": url, "commitOid": commit, "hookOutput": ""})

    def _lfs(self, asked: dict[str, Any]) -> None:
        objects = [
            {**each, "actions": {"upload": {"href": f"{self.hub.address}/uploads/{each['oid']}"}}}
            for each in asked["objects"]
        ]
        self._send(200, {"transfer": "basic", "objects": objects})

    def _file(self, name: str, revision: str, file: str) -> None:
        found = self._repository(name)
        if found is None:
            return None
        if found.gated:
            return self._send(403, {"error": "gated"}, "GatedRepo")
        commit = found.resolve(revision)
        if commit is None:
            return self._send(404, {"error": "no revision"}, "RevisionNotFound")
        data = found.commits[commit].get(file)
        if data is None:
            return self._send(404, {"error": "no file"}, "EntryNotFound")
        headers = {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha256(data).hexdigest()}"'}
        return self._send(200, data, headers=headers)

    def _send(
        self,
        status: int,
        content: bytes | dict[str, Any],
        error: str = "",
        message: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        kind = "application/octet-stream" if isinstance(content, bytes) else "application/json"
        sent = {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}
        sent |= {"X-Error-Code": error} if error else {}
        sent |= {"X-Error-Message": message} if message else {}
        for key, value in sent.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A stand-in that listens on a free port of this machine."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
