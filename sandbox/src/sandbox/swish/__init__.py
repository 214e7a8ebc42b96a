"""Swish by hand: the phone of a guest, and what the app of a business shows."""
