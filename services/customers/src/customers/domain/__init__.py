"""Rules of matching, counting and API keys. No I/O, nothing but the standard library."""
