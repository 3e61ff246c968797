"""`python -m tagger`: the command word, or none for `train`."""

import os
import sys

COMMANDS = {
    "train": "train a tagger; the default: python -m tagger [KEY=VALUE ...], -m sweeps",
    "pretrain": "learn from untagged text: python -m tagger pretrain text=FILES [KEY=VALUE ...]",
    "tag": "tag text files: python -m tagger tag [FILE|FOLDER ...] [-o FILE|FOLDER]",
    "evaluate": "score a tagger on a file with gold tags: python -m tagger evaluate FILE",
    "benchmark": "measure the speed of a tagger here: python -m tagger benchmark",
    "explain": "show what each tag of a text rests on: python -m tagger explain TEXT",
    "fill": "propose words for blanks: python -m tagger fill 'I am ___.' [--model FOLDER]",
    "embed": "write a vector for every word of files: python -m tagger embed FILE ... -o FILE.parquet",
    "senses": "group the occurrences of a word by meaning: python -m tagger senses WORD FILE ...",
    "models": "list the taggers that can be loaded by name: python -m tagger models",
}
HELP = f"""\
usage: python -m tagger [COMMAND] ...

{chr(10).join(f"  {name:<11}{text}" for name, text in COMMANDS.items())}

`python -m tagger COMMAND --help` lists a command's options. `train` and `pretrain` take a config's keys instead:
  python -m tagger --cfg job                     show the whole config
  python -m tagger model.depth=3                 change a value
  python -m tagger corpus=conllu corpus.path=DIR choose another corpus
  python -m tagger -m model.depth=1,2,3          sweep
  python -m tagger resume=RUN_FOLDER             go on with an interrupted run
"""


def main() -> int:
    """Runs the command line; returns the exit status."""
    arguments = sys.argv[1:]
    first = arguments[0] if arguments else "train"
    if first in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    if not first.startswith("-") and "=" not in first and first not in COMMANDS:
        print(f"error: no command {first!r}; the commands are {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    if first in COMMANDS and first not in ("train", "pretrain"):
        from tagger.commands.app import app

        app(arguments, prog_name="python -m tagger")
        return 0
    from tagger.training.launch import main as train  # imports Lightning and datasets, which takes seconds

    try:
        named = bool(arguments) and first in COMMANDS
        return train(arguments[1:] if named else arguments, first if named else "train")
    except BrokenPipeError:  # `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


if __name__ == "__main__":
    sys.exit(main())
