"""The secrets that a run knows, and the shapes of those of the real world."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Shapes that only keys of the real world have; those of tests and examples are told apart. Each
# begins with plain letters, which the search is a dozen times faster for.
REAL_KEYS = (
    rb"sk_live_[0-9A-Za-z]{10,}",
    rb"rk_live_[0-9A-Za-z]{10,}",
    rb"pk_live_[0-9A-Za-z]{16,}",
    rb"sk_test_[0-9A-Za-z]{60,}",
    rb"rk_test_[0-9A-Za-z]{60,}",
    rb"whsec_[0-9A-Za-z]{32,}\b",
    rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{100,}",
    rb"SK[0-9a-f]{32}\b",
    rb"re_[0-9A-Za-z]{8}_[0-9A-Za-z]{16,}",
    rb"AKIA[0-9A-Z]{16}\b",
    rb"gh[pousr]_[0-9A-Za-z]{36}\b",
    rb"xox[baprs]-[0-9A-Za-z-]{20,}",
)
# What is in the repository on purpose says itself that it is nobody's.
_MADE_UP = re.compile(rb"devholdfast|abcdef")


def real_keys(content: bytes, shapes: tuple[bytes, ...] = REAL_KEYS) -> Iterator[bytes]:
    """What in it looks like a key that a provider would accept."""
    for shape in shapes:
        for match in re.finditer(shape, content):
            within_a_word = re.match(rb"\w", content[match.start() - 1 : match.start()])
            # aaaa and 1234 are nobody's key
            if not (within_a_word or _MADE_UP.search(match[0])) and len(set(match[0])) > 14:
                yield match[0]


def of_the_run(run_dir: Path) -> dict[str, str]:
    """Every secret of a seeded stack, by what it is."""
    stack = json.loads((run_dir / "secrets.json").read_text())
    known = {f"the stack's, number {n}": text for n, text in enumerate(_leaves(stack))}
    seed = json.loads((run_dir / "seed.json").read_text())
    known["the operator's key"] = seed["operator"]
    for n, text in enumerate(_leaves(seed, "secret", "api_key", "webhook_id")):
        known[f"a demo organisation's, number {n}"] = text
    for n, text in enumerate(_leaves(seed, "stripe")):
        known[f"a demo organisation's key at Stripe, number {n}"] = f"sk_test_{text}"
    return known


def _leaves(node: Any, *names: str) -> Iterator[str]:
    """Texts in a document; with `names` only those under such a name."""
    if isinstance(node, dict):
        for name, value in node.items():
            if isinstance(value, str) and (not names or name in names):
                yield value
            else:
                yield from _leaves(value, *names)
    elif isinstance(node, list):
        for value in node:
            yield from _leaves(value, *names)
