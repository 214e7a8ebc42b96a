"""What this service refuses, with the codes clients see."""

from chassis.problems import (
    Conflict,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    Unauthenticated,
    Unavailable,
)


class NoPayment(NotFound):
    """The booking is unknown, another's, costs nothing, or its payment is not there yet."""

    code = "PAYMENT_NOT_FOUND"
    title = "There is no payment for this booking"


class CannotMarkPaid(Conflict):
    """The payment is not one whose money staff see arrive."""

    code = "CANNOT_MARK_PAID"
    title = "This payment cannot be marked as paid"


class NoSuchRefund(NotFound):
    """The refund is unknown, or another organisation's."""

    code = "REFUND_NOT_FOUND"
    title = "There is no such refund"


class CannotMarkReturned(Conflict):
    """The refund is not one that staff send."""

    code = "CANNOT_MARK_RETURNED"
    title = "This refund cannot be marked as returned"


class NothingCaptured(Conflict):
    """No money of this payment has come yet, so none can go back."""

    code = "NOTHING_CAPTURED"
    title = "Nothing of this payment has been captured"


class AlreadyRefunded(Conflict):
    """All of the payment is back, or on its way (IDM-05)."""

    code = "ALREADY_REFUNDED"
    title = "All of this payment has been refunded"


class RefundNotFailed(Conflict):
    """Only a refund of this payment that failed, and has not been tried again, is tried again."""

    code = "REFUND_NOT_FAILED"
    title = "There is no such failed refund to try again"


class MoreThanLeft(Invalid):
    """Less of the payment is left than is asked for."""

    code = "MORE_THAN_LEFT"
    title = "Less is left of this payment"


class KeyRequired(Malformed):
    """The header Idempotency-Key is missing, too short or too long."""

    code = "IDEMPOTENCY_KEY_REQUIRED"
    title = "An Idempotency-Key of 16 to 255 characters is required"


class KeyReused(Invalid):
    """The key belongs to another request."""

    code = "IDEMPOTENCY_KEY_REUSED"
    title = "This idempotency key was used for another request"


class NoSuchAccount(NotFound):
    """The payment account is unknown, or another organisation's."""

    code = "PAYMENT_ACCOUNT_NOT_FOUND"
    title = "There is no such payment account"


class NoSuchReconciliation(NotFound):
    """The reconciliation is unknown, or has nothing of this organisation's."""

    code = "RECONCILIATION_NOT_FOUND"
    title = "There is no such reconciliation"


class NoSuchDispute(NotFound):
    """The dispute is unknown, or another organisation's."""

    code = "DISPUTE_NOT_FOUND"
    title = "There is no such dispute"


class BadWindow(Invalid):
    """The window ends before it begins, in the future, or is too long."""

    title = "The window does not fit"


class ForeignOrganisation(Forbidden):
    """Only an operator acts for other organisations."""

    code = "FOREIGN_ORGANISATION"
    title = "This is another organisation's"


class NoOrganisation(Invalid):
    """An operator acts for many organisations and must say for which."""

    title = "Say which organisation"


class PaymentsDisabled(Unavailable):
    """Payments are switched off on this installation."""

    code = "PAYMENTS_DISABLED"
    title = "Payments are switched off"


class SignatureMissing(Malformed):
    """A webhook without a signature."""

    code = "SIGNATURE_MISSING"
    title = "The signature is missing"


class SignatureWrong(Unauthenticated):
    """A webhook whose signature is wrong or too old."""

    code = "SIGNATURE_WRONG"
    title = "The signature is wrong or too old"


class SignatureUnproven(Unavailable):
    """A webhook whose signature cannot be checked now, since the provider is out of reach."""

    code = "SIGNATURE_UNPROVEN"
    title = "The signature cannot be checked now"


class EventUnreadable(Malformed):
    """A signed webhook that is no event."""

    code = "EVENT_UNREADABLE"
    title = "The body is not an event"


class ConnectedElsewhere(Conflict):
    """The organisation is connected as a business of another country."""

    code = "CONNECTED_ELSEWHERE"
    title = "It is connected in another country, which cannot be changed"


class NotYetOpened(Conflict):
    """The provider has not made the account yet, or will not; its standing tells which."""

    code = "CONNECTION_NOT_OPEN"
    title = "The account is not open at the provider"


class Disconnected(Conflict):
    """The business took back the platform's access; connect it again."""

    code = "CONNECTION_GONE"
    title = "The account has left the platform"


class ProviderAway(Unavailable):
    """The provider cannot be asked now."""

    title = "The payment provider does not answer"
