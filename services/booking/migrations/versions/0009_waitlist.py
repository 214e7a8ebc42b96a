"""The waitlist: groups that wait for a place."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    pass
