"""Holdfast measured against the raw limits of the machine it runs on; see bench/README.md."""
