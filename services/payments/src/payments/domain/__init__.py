"""Rules of taking and returning money: no I/O, time passed in, standard library only."""
