"""Changes: moving a booking to another time."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    pass
