"""What the Stripe sandbox is told at start."""

from dataclasses import dataclass
from pathlib import Path

# The version objects are rendered in; a test holds it equal to the installed package's.
API_VERSION = "2026-10-28.endive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All lengths of time in seconds."""

    host: str
    port: int
    state: Path
    public_url: str | None = None
    retry_first: float = 1.0
    retry_longest: float = 15.0
    delivery_timeout: float = 10.0
    search_lag: float = 0.0
