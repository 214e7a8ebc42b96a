"""The smallest service there is: it only counts what it is told. For the chassis' own tests."""
