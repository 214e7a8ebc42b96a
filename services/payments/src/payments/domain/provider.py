"""What we ask of a payment provider, and how it may answer.

Every provider is an adapter behind `Provider`. The calls that change something take an attempt's
frozen body and its id as idempotency key, so that running them again is the same call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, runtime_checkable
from uuid import UUID

from payments.domain.connections import Split
from payments.domain.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from payments.domain.disputes import DisputeSnapshot
    from payments.domain.payment import Payment
    from payments.domain.products import Product
    from payments.domain.refunds import Refund
    from payments.domain.snapshot import ProviderEvent, RefundSnapshot, Snapshot

T = TypeVar("T")

Body = dict[str, Any]
"""A request body in the provider's own terms; plain JSON, frozen before the first call."""

PLATFORM = "platform"
"""Id of the account that belongs to the installation: organisations without one of their own."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account at a provider and the secrets to use it; None as organisation: the platform's.

    `webhook_secrets` are all that sign now: the current one and, while rotating, the next.
    """

    id: str
    org_id: UUID | None
    provider: str
    publishable_key: str | None
    secret_key: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of what is bought. `price_ref`: the provider's own price of exactly that amount."""

    key: str
    name: str
    quantity: int
    unit_minor: int
    price_ref: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """What a provider needs to know to take money. Ids only: no personal data (F-39)."""

    attempt_id: UUID
    payment_id: UUID
    booking_id: UUID
    org_id: UUID
    session_id: UUID
    offering_id: UUID
    amount: Money
    methods: Sequence[str]
    reference: str
    """What tells this payment from all others of the organisation, as a guest can write it."""
    description: str
    venue: str
    descriptor: str | None
    change_id: UUID | None = None
    lines: Sequence[OrderLine] = ()
    """What the sum is made of, and nothing else: empty where that is not known, or not all due."""
    wanted_for: timedelta = timedelta()
    """How long from now until the hold ends."""
    locale: str = "en"
    split: Split | None = None
    """Whose money it is, where the platform takes it for somebody else."""
    save_card: bool = False
    """Whether the card is to be kept, to be charged when the guest is not there."""
    billing_countries: Sequence[str] = ()
    """Whose cards the venue asks for; none: any country's."""


@dataclass(frozen=True, slots=True)
class SavedCard:
    """A card that its owner left to be charged later, as the provider names it."""

    customer_ref: str
    method_ref: str


@dataclass(frozen=True, slots=True)
class ChargeOrder:
    """What a provider needs to know to charge a saved card. Ids only, as above."""

    attempt_id: UUID
    payment_id: UUID
    booking_id: UUID
    org_id: UUID
    amount: Money
    card: SavedCard
    description: str
    descriptor: str | None
    split: Split | None = None
    """As in `PaymentOrder`."""


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """What a provider needs to know to give money back."""

    attempt_id: UUID
    refund_id: UUID
    payment_id: UUID
    booking_id: UUID
    org_id: UUID
    provider_ref: str
    amount: Money
    split: Split | None = None
    """How the payment was shared: its parts come back from where they went. None also where the
    platform pays the refund."""


class Provider(Protocol):
    """One way of taking money. The `draft_` methods are pure; the async ones call out.

    `name` is kept on each payment; `account_kind` says which of an organisation's accounts it
    uses, and `methods` are those that a guest may choose.

    Raises (all async methods):
        Unreached, Misconfigured: make the same call again later.
        Remembered: the idempotency key is spent; find out what it did before trying another.
        OutOfState: the payment's state forbids it; look at it.
        Refused: the answer is no, and will stay no.
    """

    name: str
    account_kind: str
    methods: frozenset[str]
    events: tuple[str, ...]
    """The kinds of notification that an account has to send us."""
    key_lifetime: timedelta
    """How long the same idempotency key is surely the same request; a little less than promised."""

    def draft_payment(self, order: PaymentOrder) -> Body: ...

    def draft_refund(self, order: RefundOrder) -> Body: ...

    def redraft(self, body: Body, attempt_id: UUID) -> Body:
        """The same request as a new attempt."""
        ...

    async def create(
        self, account: Account, body: Body, *, key: str, receipt_email: str | None
    ) -> Snapshot:
        """Create the payment. `receipt_email` is personal data and never part of the body."""
        ...

    async def find(self, account: Account, attempt_id: UUID) -> Snapshot | None:
        """The payment that an attempt created; may lag a minute behind creation."""
        ...

    async def look(self, account: Account, ref: str) -> Snapshot: ...

    async def cancel(self, account: Account, ref: str, *, key: str) -> Snapshot: ...

    async def refund(self, account: Account, body: Body, *, key: str) -> RefundSnapshot: ...

    async def refunds(self, account: Account, ref: str) -> Sequence[RefundSnapshot]:
        """All refunds of a payment, ours and those made by hand at the provider."""
        ...

    async def verify(
        self, account: Account, body: bytes, headers: Mapping[str, str]
    ) -> ProviderEvent:
        """A notification proven to come from the provider within the last 300 seconds.

        Raises:
            Unsigned, Forged, Unreadable: refuse it.
            Unproven: it can't be told now; the provider is to send it again.
        """
        ...


@runtime_checkable
class Capturing(Protocol):
    """A provider whose customers agree first; the money moves when we ask for it (`approved`)."""

    async def capture(self, account: Account, ref: str, *, key: str) -> Snapshot:
        """Take the money that the customer agreed to; a refusal is a fact of the snapshot.

        Raises:
            As `Provider`.
        """
        ...


Window = tuple[datetime, datetime]
"""From an instant until another, the second not included."""


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """One page of what a provider lists. `following` is its next page's cursor, if there is one."""

    items: Sequence[T]
    following: str | None


@runtime_checkable
class Listing(Protocol):
    """A provider that lists what an account has, whoever made it: each at most a page per call.

    `name`: as `Provider`.

    Raises (all):
        As `Provider`.
    """

    name: str

    async def list_events(
        self, account: Account, window: Window, cursor: str | None
    ) -> Listed[ProviderEvent]:
        """What happened in the window, of whatever kind."""
        ...

    async def list_payments(
        self, account: Account, window: Window, cursor: str | None
    ) -> Listed[Snapshot]:
        """Payments made in the window, with their fees."""
        ...

    async def list_refunds(
        self, account: Account, window: Window, cursor: str | None
    ) -> Listed[RefundSnapshot]:
        """Refunds made in the window."""
        ...


@runtime_checkable
class Witnessed(Protocol):
    """A provider that tells us nothing: a person sees the money come and go, and says so."""

    def paid(self, payment: Payment) -> Snapshot:
        """A payment as somebody sees it who has its money."""
        ...

    def returned(self, refund: Refund) -> RefundSnapshot:
        """A refund as somebody sees it who has sent it."""
        ...


@runtime_checkable
class Charging(Protocol):
    """A provider that keeps cards and charges them while their owners are away."""

    def draft_charge(self, order: ChargeOrder) -> Body:
        """The body of a payment that `create` makes and charges at once. A decline is a fact."""
        ...

    def draft_recharge(self, card: SavedCard) -> Body:
        """The body of one more try at the same payment."""
        ...

    async def charge(self, account: Account, ref: str, body: Body, *, key: str) -> Snapshot:
        """Try once more; a decline is a fact of the snapshot.

        Raises:
            As `Provider`.
        """
        ...

    async def forget(self, account: Account, customer_ref: str, method_ref: str | None) -> None:
        """Keep nothing of the card any more; done before, it changes nothing.

        Raises:
            Unreached, Misconfigured: make the same call again later.
        """
        ...


@runtime_checkable
class Disputable(Protocol):
    """A provider that tells how disputes about its payments stand."""

    async def dispute(self, account: Account, ref: str) -> DisputeSnapshot:
        """One dispute, with all the money that it has moved.

        Raises:
            As `Provider`.
        """
        ...


@runtime_checkable
class Publishing(Protocol):
    """A provider with a catalogue of its own, whose prices its page sells by."""

    async def publish(self, account: Account, product: Product, *, key: str) -> Mapping[str, str]:
        """Make the catalogue say what the product is: its prices' references by tier key.

        Looks first and changes what differs, so that doing it again changes nothing. `key` begins
        the idempotency keys.

        Raises:
            As `Provider`.
        """
        ...


class Providers:
    """All the ways of taking money that this installation has."""

    def __init__(self, providers: Sequence[Provider], saving: Provider) -> None:
        """`providers` have distinct names and methods; the first takes what no other does.

        `saving` is asked where nothing is to be paid, and a card to be saved.
        """
        self.saving = saving
        self._first = providers[0]
        self._by_name = {provider.name: provider for provider in (*providers, saving)}
        self._by_method = {method: one for one in providers for method in one.methods}

    def __iter__(self) -> Iterator[Provider]:
        """Every adapter."""
        return iter(self._by_name.values())

    def named(self, name: str) -> Provider:
        """The adapter that a payment was made through.

        Raises:
            KeyError: this installation has no such adapter.
        """
        return self._by_name[name]

    def taking(self, methods: Sequence[str]) -> Provider:
        """The adapter for what the guest chose, the first of `methods` that any of them takes."""
        for method in methods:
            if method in self._by_method:
                return self._by_method[method]
        return self._first

    def publishes(self, account_kind: str) -> bool:
        """Whether a kind of account has a catalogue that we keep."""
        return any(
            isinstance(one, Publishing) and one.account_kind == account_kind
            for one in self._by_name.values()
        )

    def telling(self) -> list[str]:
        """The names of those that know of money by themselves, and can be asked."""
        return [name for name, one in self._by_name.items() if one.events]

    def charging(self, name: str) -> Provider:
        """The adapter that charges the card which the adapter of that name saved."""
        return self.of_kind(self.named(name).account_kind) or self._first

    def of_kind(self, account_kind: str) -> Provider | None:
        """The adapter that reads the notifications of a kind of account."""
        return next(
            (one for one in self._by_name.values() if one.account_kind == account_kind), None
        )


class ProviderError(Exception):
    """A call did not give what we asked for. The text is for staff and holds no personal data."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Unreached(ProviderError):  # named for what happened
    """No answer, or "later": whether it happened is open. Make the same call again.

    `after` is what the provider asked us to wait, in seconds, if it did.
    """

    def __init__(self, code: str, after: float | None = None) -> None:
        super().__init__(code)
        self.after = after


class Misconfigured(ProviderError):  # named for what happened
    """The account's key is wrong or lacks a permission; a person must act."""


class Remembered(ProviderError):  # named for what happened
    """The provider answers this idempotency key with a stored fault, for as long as it lives."""


class OutOfState(ProviderError):  # named for what happened
    """The payment is in a state that this call cannot change."""


class Refused(ProviderError):  # named for what happened
    """The provider says no for good."""


class Gone(Refused):  # named for what happened
    """The payment does not exist there any more: nothing was taken, and nothing can be."""


class Unsigned(Exception):  # named for what the notification is
    """A notification without a signature."""


class Forged(Exception):  # named for what the notification is
    """A notification whose signature is wrong, too old, or from the future."""


class Unreadable(Exception):  # named for what the notification is
    """A signed notification that is not an event."""


class Unproven(Exception):  # named for what the notification is
    """A notification that nobody can check at this moment: what it takes can't be reached."""
