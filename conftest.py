"""For every test of the repository: real databases, a real broker, and no example that is timed."""

from hypothesis import settings

pytest_plugins = ["chassis.testing"]

# Machines are shared: how long an example takes says nothing about it.
settings.register_profile("holdfast", deadline=None)
settings.load_profile("holdfast")
