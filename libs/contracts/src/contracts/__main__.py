"""`python -m contracts generate|check`: schemas and documents from the models."""

from __future__ import annotations

import argparse
import subprocess
import sys

from contracts.generate import (
    Place,
    committed_schemas,
    current_schemas,
    drift,
    example_faults,
    refusals,
    schemas_at,
    shown,
    write,
)

_NEXT = "A breaking change is a new version: publish it beside the old one."


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code is 1 when something has to be put right."""
    parser = argparse.ArgumentParser(prog="python -m contracts", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    generate = commands.add_parser("generate", help="write schemas/ and docs/ from the models")
    generate.add_argument(
        "--allow-break",
        action="append",
        default=[],
        metavar="TYPE",
        help="rewrite the schema of this type although that breaks it; for a type that never ran "
        "anywhere",
    )
    check = commands.add_parser(
        "check", help="fail when files are stale, an example is wrong or a version is broken"
    )
    check.add_argument(
        "--against",
        metavar="REVISION",
        help="compare with the schemas of this git revision, not only with the checkout's own",
    )
    options = parser.parse_args(arguments)
    return (
        _generate(options.allow_break) if options.command == "generate" else _check(options.against)
    )


def _generate(allowed: list[str]) -> int:
    place = Place()
    refused = refusals(committed_schemas(place.package), current_schemas(), allowed=allowed)
    faults = list(example_faults(place.package))
    if refused or faults:
        _say(refused, faults)
        return 1
    for path in write(place):
        print(shown(path))  # noqa: T201 a command that talks to a person
    return 0


def _check(revision: str | None) -> int:
    place = Place()
    baseline = committed_schemas(place.package)
    refused = refusals(baseline, current_schemas())
    if revision is not None:
        try:
            refused += refusals(schemas_at(revision), current_schemas())
        except subprocess.CalledProcessError as unknown:
            sys.stderr.write(unknown.stderr)
            return 1
    faults = list(example_faults(place.package))
    stale = [] if faults else list(drift(place))
    _say(list(dict.fromkeys(refused)), faults)
    for difference in stale:
        sys.stderr.write(difference)
    if stale:
        sys.stderr.write("\nStale: run `python -m contracts generate` and commit the result.\n")
    return 1 if refused or faults or stale else 0


def _say(refused: list[str], faults: list[str]) -> None:
    for line in (*refused, *faults):
        sys.stderr.write(f"{line}\n")
    if refused:
        sys.stderr.write(f"{_NEXT}\n")


if __name__ == "__main__":
    sys.exit(main())
