"""The rules: what may be sold, to whom, for how much, and what may become of it. No I/O."""
