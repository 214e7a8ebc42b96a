"""What the PayPal sandbox is told at start."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All lengths of time in seconds."""

    host: str
    port: int
    state: Path
    public_url: str | None = None
    """Where a browser reaches the approval page."""
    api_url: str | None = None
    """Where webhook receivers reach the certificate."""
    retry_first: float = 1.0
    retry_longest: float = 15.0
    delivery_timeout: float = 10.0
    token_lifetime: int = 32_400
