"""Files of a tagger -> the tagger, or what cuts raw text for it. A process loads equal files once."""

from weakref import WeakValueDictionary

from tagger.adapters.tagger_files import TaggerFiles
from tagger.tagging.load import load
from tagger.tagging.segmenter import LearnedSegmenter
from tagger.tagging.tagger import Tagger
from tagger.text.segment import RuleSegmenter, Segmenter
from tagger.weights.saved_config import LEARNED, read_config
from tagger.weights.segmenter_folder import load_segmenter

_loaded: WeakValueDictionary[tuple[bytes, str, str], Tagger] = WeakValueDictionary()


def shared_tagger(files: TaggerFiles, device: str = "cpu", precision: str = "auto") -> Tagger:
    """The tagger that files are. While anybody in this process still has it, the same one is given again.

    Raises:
        InputError: as `tagging.load.load`.
    """
    key = files.digest, device, precision
    found = _loaded.get(key)
    if found is None:
        with files.as_folder() as folder:
            found = load(folder, device, precision)
        found = _loaded.setdefault(key, found)
    return found


def segmenter_of(files: TaggerFiles) -> Segmenter:
    """What cuts raw text, of files that have no weights of a tagger.

    Raises:
        InputError: a file is missing or damaged.
    """
    with files.as_folder() as folder:
        name = str(read_config(folder).get("segmenter"))
        return LearnedSegmenter(*load_segmenter(folder)) if name == LEARNED else RuleSegmenter(name)
