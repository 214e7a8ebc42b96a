"""A local Stripe."""
