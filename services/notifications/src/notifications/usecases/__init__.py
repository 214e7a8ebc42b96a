"""One file per verb. Each takes an open transaction, except sending, which happens outside one."""
