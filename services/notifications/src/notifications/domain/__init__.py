"""What is told to whom. No I/O, nothing but the standard library."""
