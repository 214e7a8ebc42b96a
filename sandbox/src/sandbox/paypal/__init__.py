"""A small PayPal: orders, captures, refunds, and webhooks signed with a certificate of its own."""
