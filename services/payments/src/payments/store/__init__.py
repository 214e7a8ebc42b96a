"""All SQL of the service; every function takes an open transaction."""
