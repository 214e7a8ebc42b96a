"""Calls to providers: run by the worker, outside any transaction, as often as it takes."""
