"""What is inside a sealed contact.

On the bus it is one opaque text, `chassis.sealing.Sealer(CONTACT_KEYS).seal(contact.model_dump())`
with no context; services without the keys pass it by.
"""

from pydantic import BaseModel, ConfigDict


class Contact(BaseModel):
    """The guest as they gave themselves at booking time, normalised."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="ignore",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    given: str
    family: str
    """Empty when the guest gave a single name."""
    display: str
    """The name to address the guest with."""
    email: str | None
    """Lower-case, trimmed."""
    phone: str | None
    """E.164."""
