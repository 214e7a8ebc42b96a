"""One file per verb: this folder's listing is what the service does.

Each takes an open transaction; whoever opened it commits state, messages and timers together.
"""
