"""Fixtures for every test of the repository: real databases and a real broker."""

pytest_plugins = ["chassis.testing"]
