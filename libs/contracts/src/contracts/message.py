"""The base of every message."""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """A fact that one service tells others, or a timer that a service sets for itself.

    Immutable. Built strictly (a UUID is a UUID, not its text), read strictly from JSON, and
    ignorant of fields it doesn't know, so that a producer may add optional ones.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="ignore",
        use_attribute_docstrings=True,
        # Errors end in logs and in the table of parked messages, where no personal data may go.
        hide_input_in_errors=True,
    )

    TYPE: ClassVar[str]
    """The name on the wire and the routing key, version included: `booking.confirmed.v1`."""

    def to_json(self) -> bytes:
        """The body as it goes on the wire."""
        # What model_dump_json does, less decoding to str only to encode again.
        return self.__pydantic_serializer__.to_json(self)

    @classmethod
    def from_json(cls, body: bytes | str) -> Self:
        """Read a body.

        Raises:
            pydantic.ValidationError: the body isn't JSON, or lacks or breaks a field. Trying again
                can't help: park it.
        """
        return cls.model_validate_json(body)
