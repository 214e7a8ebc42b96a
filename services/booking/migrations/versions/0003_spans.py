"""A booking's own span, what its price is made of, and what became of it."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    pass
