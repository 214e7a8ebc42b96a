"""Where things are: the checkout, its virtual environment, and a stack's own directory."""

import hashlib
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ("booking", "payments", "customers", "notifications")  # each owns a database


def default_run_dir() -> Path:
    """`.run` in the checkout, or `HOLDFAST_RUN_DIR`."""
    return Path(os.environ.get("HOLDFAST_RUN_DIR", ROOT / ".run")).resolve()


def stack_id(run_dir: Path) -> str:
    """Ten hex digits that tell stacks on one machine apart: node names, compose projects."""
    return hashlib.sha256(str(run_dir).encode()).hexdigest()[:10]


def reachable_by(directory: Path, uid: int, gids: frozenset[int]) -> bool:
    """Whether a user may pass through every folder on the way to `directory`."""
    for step in (directory, *directory.parents):
        if not step.exists():
            continue
        facts = step.stat()
        if facts.st_uid == uid:
            bit = 0o100
        elif facts.st_gid in gids:
            bit = 0o010
        else:
            bit = 0o001
        if not facts.st_mode & bit:
            return False
    return True
