"""The decoders by name; each is a class in a file of its own."""

from tagger.model.crf import CRFDecoder
from tagger.model.decoder import Decoder
from tagger.model.softmax import SoftmaxDecoder

SOFTMAX, CRF = "softmax", "crf"
DECODERS: dict[str, type[Decoder]] = {SOFTMAX: SoftmaxDecoder, CRF: CRFDecoder}
