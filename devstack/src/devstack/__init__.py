"""Runs the whole system on one machine, and nothing but what it started itself."""
