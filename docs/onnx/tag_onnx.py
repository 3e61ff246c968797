"""Tags with an exported tagger: graph and JSON in, tags out; needs onnxruntime and numpy alone. See docs/onnx.md."""

import json
import re
import sys
import zlib
from pathlib import Path

import numpy as np
import onnxruntime


class OnnxTagger:
    """A graph with its JSON, which tags lists of tokens as `python -m tagger tag --precision float32` does.

    Sentences in one case, such as headlines in capitals, are read as they are.
    """

    def __init__(self, graph):
        self.spec = json.loads(Path(f"{graph}.json").read_text(encoding="utf-8"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # the steps are small
        self.session = onnxruntime.InferenceSession(graph, options)
        self.words, self.characters = dict(self.spec["words"]), dict(self.spec["characters"]["ids"])
        self.vectors = [dict(source["rows"]) for source in self.spec["vectors"]]

    def features(self, form):
        """The ids of a form in each input of the graph."""
        affixes, half, unknown = self.spec["affixes"], self.spec["characters"]["longest"] // 2, self.spec["unknown"]
        lower, first = form.lower(), form[: affixes["shape_characters"]]
        kinds = ["X" if c.isupper() else "x" if c.isalpha() else "9" if c.isdigit() else c for c in first]
        shape = re.sub(r"(.)\1{3,}", r"\1\1\1", "".join(kinds), flags=re.DOTALL)
        parts = [lower[:n] for n in affixes["prefixes"]] + [lower[-n:] for n in affixes["suffixes"]] + [shape]
        hashes = [zlib.crc32(part.encode("utf-8", "surrogatepass")) for part in parts]
        return {
            "words": [self.words.get(lower, unknown)],
            "affixes": [i * affixes["buckets"] + h % affixes["buckets"] for i, h in enumerate(hashes)],
            "characters": [self.characters.get(c, unknown) for c in form[:half] + form[half:][-half:]],
            "vectors": [rows.get(form, rows.get(lower, 0)) for rows in self.vectors],
        }

    def tag(self, sentences):
        """The tags of each token, in each column; long sentences are read in pieces, as the tagger does."""
        size = self.spec["sentence_tokens"]
        pieces = [sentence[i : i + size] for sentence in sentences for i in range(0, len(sentence), size)]
        tags = iter(self.tag_pieces(pieces) if pieces else [])
        return [[tag for _ in range(0, len(sentence), size) for tag in next(tags)] for sentence in sentences]

    def tag_pieces(self, pieces):
        """The same for sentences that the graph reads at once."""
        forms = [[self.features(form) for form in piece] for piece in pieces]
        longest = max(len(form["characters"]) for sentence in forms for form in sentence) or 1
        sizes = {"sentences": len(forms), "tokens": max(map(len, forms)), "characters": longest}
        shapes = {each["name"]: [sizes.get(axis, axis) for axis in each["shape"]] for each in self.spec["inputs"]}
        feeds = {name: np.full(shape, self.spec["padding"], np.int32) for name, shape in shapes.items()}
        feeds["lengths"][:] = [len(sentence) for sentence in forms]
        for name in feeds.keys() - {"lengths"}:
            rows = feeds[name].reshape(sizes["sentences"], sizes["tokens"], -1)
            for b, sentence in enumerate(forms):
                for t, form in enumerate(sentence):
                    rows[b, t, : len(form[name])] = form[name]
        (ids,) = self.session.run(["tags"], feeds)  # (sentences, tokens, columns)
        tags = [column["tags"] for column in self.spec["columns"]]
        return [
            [[names[i] for names, i in zip(tags, ids[b, t], strict=True)] for t in range(len(sentence))]
            for b, sentence in enumerate(forms)
        ]


if __name__ == "__main__":
    tagger = OnnxTagger(sys.argv[1])
    for line in filter(str.strip, sys.stdin):
        print(json.dumps(tagger.tag([json.loads(line)])[0]))
