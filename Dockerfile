# A small image for processors whose entry point tags, and which serves:
#
#   docker build -t tagger .
#   echo "They book flights." | docker run --rm -i tagger
#   docker run --rm -v "$PWD":/work tagger tag book.txt -o book.tsv
#   docker run --rm -p 8000:8000 tagger serve --host 0.0.0.0
#
# The torch wheels of PyPI carry CUDA on Linux, several gigabytes. From an index that has torch for processors alone,
# with what torch needs, the image becomes a fraction of that size:
#
#   docker build -t tagger --build-arg TORCH_INDEX=URL .

FROM python:3.12-slim

ARG TORCH_INDEX=https://pypi.org/simple
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1 \
    OMP_WAIT_POLICY=passive

RUN pip install --index-url "$TORCH_INDEX" "torch>=2.6,<3"

COPY . /src
RUN pip install "/src[serve]" /src/data/more && rm -rf /src

RUN useradd --create-home --uid 1000 tagger && mkdir /work && chown tagger /work
USER tagger
WORKDIR /work

ENTRYPOINT ["tagger"]
CMD ["tag"]
