"""Whole-system stories through the public API."""
