"""The command `lint`: a corpus in, what hurts training or scores in it out."""

import textwrap
from pathlib import Path
from typing import Annotated, Literal

import typer

from tagger.commands.console import show, show_json
from tagger.commands.options import HELP_WIDTH, AsJson, Encoding, Force, check_output
from tagger.errors import InputError
from tagger.extras.lint.lint import KINDS, SEVERITIES, Finding, counts, format_summary
from tagger.text.files import check_input
from tagger.text.output_files import whole_file

FOUND = 1  # the exit status if --fail-on is met


def _kinds_help() -> str:
    lines = ["\b", "Kinds of findings:"]
    for kind, meaning in KINDS.items():
        lines += textwrap.wrap(f"  {kind:<18}{meaning}", HELP_WIDTH, subsequent_indent=" " * 20, drop_whitespace=True)
    return "\n".join(lines)


SETTINGS = {"lint": {"epilog": _kinds_help()}}


def lint(
    corpus: Annotated[
        list[str],
        typer.Argument(
            metavar="CORPUS",
            help="The folder of a treebank (*-train.conllu, *-dev.conllu, *-test.conllu), or CoNLL-U files.",
            show_default=False,
        ),
    ],
    to: Annotated[str | None, typer.Option("-o", metavar="FILE", help="Write the findings, as TSV.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="Only findings of this kind. May be repeated.")
    ] = None,
    fail_on: Annotated[
        Literal["error", "warning"] | None,
        typer.Option(metavar="SEVERITY", help="error, warning: exit with status 1 if there is one, or worse."),
    ] = None,
    as_json: AsJson = False,
    encoding: Encoding = "utf-8",
    force: Force = False,
) -> None:
    """Looks for what hurts training or scores in a corpus.

    Every finding names the file and the line, the kind, the severity and the reason. Files named *-dev or *-test are
    those splits; all other files are train. The exit status is 0 whatever is found, unless --fail-on says otherwise.
    """
    from tagger.extras.lint.lined import corpus_files, read_lined
    from tagger.extras.lint.lint import lint as check

    for name in kind or ():
        if name not in KINDS:
            raise InputError(f"--kind {name}: no such kind; there are {', '.join(KINDS)}")
    files = corpus_files(corpus)
    check_output("-o", to, files, force)
    check_input(files, encoding)
    sentences = read_lined(files, encoding)
    findings = [each for each in check(sentences) if not kind or each.kind in kind]
    if to is not None:
        with whole_file(to) as out:
            out.write("\t".join(Finding._fields) + "\n")
            out.writelines(each.row for each in findings)
    words = sum(len(sentence.tokens) for sentence in sentences)
    if as_json:
        show_json({"words": words, "counts": counts(findings), "findings": [each._asdict() for each in findings]})
    else:
        show(format_summary(findings, ", ".join(str(Path(name)) for name in corpus), words))
    if fail_on is not None and any(each.severity in SEVERITIES[: SEVERITIES.index(fail_on) + 1] for each in findings):
        raise typer.Exit(FOUND)
