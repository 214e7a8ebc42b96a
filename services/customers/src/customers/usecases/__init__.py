"""One file per verb. Each takes an open transaction, and nothing here commits."""
