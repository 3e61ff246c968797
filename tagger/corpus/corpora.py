"""The kinds of corpus by name; each is a class in a file of its own, and its values are a file in `conf/corpus`."""

from tagger.corpus.columns_corpus import ColumnsConfig
from tagger.corpus.config import CorpusConfig
from tagger.corpus.conllu_corpus import ConlluConfig
from tagger.corpus.hub_corpus import HubConfig
from tagger.corpus.sample_corpus import SampleConfig
from tagger.corpus.ud_corpus import UdConfig

CORPORA: dict[str, type[CorpusConfig]] = {
    "sample": SampleConfig,
    "conllu": ConlluConfig,
    "columns": ColumnsConfig,
    "hub": HubConfig,
    "ud": UdConfig,
}
