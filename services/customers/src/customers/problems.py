"""What this service refuses, with the codes clients see."""

from chassis.problems import Conflict, FieldError, Forbidden, Invalid, NotFound


class NoSuchCustomer(NotFound):
    """The customer is unknown, or another organisation's."""

    code = "CUSTOMER_NOT_FOUND"
    title = "There is no such customer"


class StaleVersion(Conflict):
    """The customer was changed since the version that the edit names."""

    code = "STALE_VERSION"
    title = "Somebody else changed this meanwhile; read it again"


class NoIdentifier(Invalid):
    """A search needs something to search by."""

    title = "Search by phone or by e-mail"

    def __init__(self) -> None:
        super().__init__(errors=[FieldError("phone", "give phone, email or both")])


class UnreadablePhone(Invalid):
    """The number cannot be read; with a country code it always can."""

    title = "This is not a phone number"

    def __init__(self) -> None:
        super().__init__(errors=[FieldError("phone", "not a phone number; try with country code")])


class UnreadableEmail(Invalid):
    """The text cannot be an e-mail address."""

    title = "This is not an e-mail address"

    def __init__(self) -> None:
        super().__init__(errors=[FieldError("email", "not an e-mail address")])


class UnknownKey(NotFound):
    """The API key is unknown, expired or revoked; which of them is not told."""

    code = "API_KEY_UNKNOWN"
    title = "There is no such API key"


class ScopeTooWide(Forbidden):
    """Nobody gives away more than they hold."""

    code = "SCOPE_TOO_WIDE"
    title = "A key cannot allow more than its maker may do"


class NoOrganisation(Invalid):
    """An operator acts for no organisation, so they have to name one."""

    title = "Name the organisation the key is for"

    def __init__(self) -> None:
        super().__init__(errors=[FieldError("organisation_id", "an operator has to name it")])


class ForeignOrganisation(Forbidden):
    """A key can only be made for the caller's own organisation."""

    code = "FOREIGN_ORGANISATION"
    title = "This is another organisation"
