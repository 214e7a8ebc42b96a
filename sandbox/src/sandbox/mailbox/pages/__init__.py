"""Templates of the mailbox pages."""
