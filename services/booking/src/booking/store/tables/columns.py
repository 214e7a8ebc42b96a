"""What all tables share."""

from sqlalchemy import DateTime, MetaData

metadata = MetaData()
INSTANT = DateTime(timezone=True)
