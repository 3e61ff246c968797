"""A step of a datatrove pipeline: documents come in, the same with tokens and tags in their metadata go out.

`python docs/frames/datatrove_step.py IN OUT` tags the JSON lines of a folder, two processes, a file each at a time.
"""

import sys
from collections.abc import Sequence
from itertools import islice

from datatrove.data import DocumentsPipeline
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

from tagger.extras.frames.batch_tagger import BatchTagger


class TagDocuments(PipelineStep):
    """Adds `tokens`, `upos` and so on to the metadata of documents, a list for each sentence."""

    name, type = "bigru tagger", "TAGGER"

    def __init__(self, model: str | None = None, tags: Sequence[str] | None = None, batch_size: int = 256) -> None:
        """Finds a tagger; see `BatchTagger`. Each process loads it once."""
        super().__init__()
        self.batches, self.batch_size = BatchTagger(model, tags=tags), batch_size

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Tags documents a batch at a time."""
        documents = iter(data)
        while batch := list(islice(documents, self.batch_size)):
            with self.track_time(unit="batch"):
                columns = self.batches.columns([document.text for document in batch])
            for number, document in enumerate(batch):
                document.metadata |= {name: values[number] for name, values in columns.items()}
                self.stat_update("words", value=sum(map(len, document.metadata["tokens"])))
                yield document


if __name__ == "__main__":
    folder, to = sys.argv[1:]
    LocalPipelineExecutor(
        pipeline=[JsonlReader(folder), TagDocuments(tags=["upos"]), JsonlWriter(to)], tasks=2, workers=2
    ).run()
