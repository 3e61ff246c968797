"""What the product had once -> what to do instead: one line for each key, option and command that is gone."""

CONSTANT = "it is a constant now, {}; leave it out"

KEYS = {  # of a page of values
    "ensemble": "train members with -m seed=1,2,3, then make one of them: python -m tagger ensemble RUN RUN -o FOLDER",
    "facts": "its name is auxiliary now; give that",
    "corpus.unnamed": "its name is corpus.dropout now; give that",
    "distill.gold": CONSTANT.format("GOLD_SHARE in training/auxiliary.py"),
    "distill.min_count": CONSTANT.format("TEXT_MIN_COUNT in training/auxiliary.py"),
    "distill.temperature": CONSTANT.format("TEACHER_TEMPERATURE in training/auxiliary.py"),
    "distill.top": CONSTANT.format("TOP in training/auxiliary.py"),
    "corpus.temperature": CONSTANT.format("CORPORA_TEMPERATURE in training/data.py"),
    **dict.fromkeys(
        ("distill.hub", *(f"distill.hub.{key}" for key in ("name", "config", "split", "column"))),
        "distill.text takes files alone; save the texts in one",
    ),
    "distill.ratio": "the corpus decides it; leave it out",
    "embedding.min_count": CONSTANT.format("MIN_COUNT in training/start.py"),
    "embedding.vectors_dtype": "vectors are float16; leave it out",
    "embedding.vectors_tune": "vectors stay as they are, in float16; leave it out",
    "hydra.sweeper.directions": "a search has one direction, that of the accuracy on dev; leave it out",
    "hydra.sweeper.storage": "the study lies in study.journal in the sweep's folder; leave it out",
    "hydra.sweeper.study_name": "the study lies in study.journal in the sweep's folder; leave it out",
    "optimizer.layer_decay": CONSTANT.format("LAYER_DECAY in training/module.py"),
    "optimizer.warmup": CONSTANT.format("WARMUP in training/module.py"),
    "parts": "give trainer.max_epochs=0, which keeps the network of init and makes the rest",
    "trainer.num_nodes": "a training uses the devices of one machine; leave it out",
    "transformer.dropout": CONSTANT.format("TRANSFORMER_DROPOUT in training/start.py"),
    "transformer.pooling": CONSTANT.format("mean for multilingual, else first (pretrained/huggingface.py)"),
}

KEYS |= dict.fromkeys(
    ("cut", "dev_tokens", "encoding", "neighbours", "paragraph_per_line", "samples", "section_tokens"),
    "pretraining decides it; leave it out",
)
KEYS |= dict.fromkeys(
    (f"hydra.sweeper.{key}" for key in ("sampler_startup", "pruner_startup", "pruner_warmup")),
    "it is a constant now; leave it out",
)

OPTIONS = {  # of a command
    ("compare", "--a"): "name the two sides alone: compare A B GOLD",
    ("compare", "--b"): "name the two sides alone: compare A B GOLD",
    ("compare", "--html"): "--csv FILE has all words that differ",
    ("compare", "--train"): "evaluate scores the words that a tagger has seen in training and the others",
    ("evaluate", "--lexicon-case"): "words match letter for letter; give the lexicon the forms of the text",
    ("explain", "--force"): "nothing is written; leave it out",
    ("explain", "--html"): "the table is printed, and --json has all of it",
    ("lint", "--cross-validate"): "lint finds tags that contradict equal contexts (variation); leave it out",
    ("lint", "--column"): "no taggers are trained; leave it out",
    ("senses", "--force"): "nothing is written; leave it out",
    ("senses", "--evaluate"): "embed writes the vectors of all layers, to compare them with senses that you know",
    ("senses", "--json"): "embed writes the vectors and the places of all words",
    ("senses", "--png"): "embed writes the vectors, which any program draws",
    ("serve", "--drain"): "requests in flight are answered for --grace seconds; leave it out",
    ("tag", "--address"): "set the variable RAY_ADDRESS",
    ("tag", "--cache-size"): "the caches have one size; leave it out",
    ("tag", "--column"): "with --keep, the first column of tags follows the token; leave it out",
    ("tag", "--lexicon-case"): "words match letter for letter; give the lexicon the forms of the text",
    ("tag", "--no-paragraph-per-line"): "the lines of a file tell whether they are paragraphs; leave it out",
    ("tag", "--paragraph-per-line"): "the lines of a file tell whether they are paragraphs; leave it out",
    ("tag", "--paths"): "--top N adds the N best tags of each token",
    **{
        (command, "--segmenter"): "the tagger's own segmenter cuts text, else the rules that fit it; leave it out"
        for command in ("benchmark", "embed", "explain", "senses", "tag")
    },
}

COMMANDS: dict[str, str] = {}
