"""Files that only their owner may read."""

import json
import os
from pathlib import Path


def write_json(file: Path, content: object) -> None:
    """Replace `file` in one step by `content`; mode 0600 from its first byte."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as target:
        json.dump(content, target, indent=1)
        target.write("\n")
    draft.replace(file)
