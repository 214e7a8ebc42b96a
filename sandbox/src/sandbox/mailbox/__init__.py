"""A mailbox: SMTP in, a web page and JSON out."""
