"""One file per verb. Each takes an open transaction; nothing here commits or calls a provider."""
