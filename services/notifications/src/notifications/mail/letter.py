"""The letter: headers, both bodies and the calendar file as one MIME message."""

from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime, formataddr
from uuid import UUID

from chassis.manage_token import ManageTokens
from notifications.domain.notice import Facts, Kind, Message, Venue
from notifications.domain.text import as_name, file_stem, is_address, one_line
from notifications.mail.calendar import invitation
from notifications.mail.words import Templates

WITH_CALENDAR: frozenset[Kind] = frozenset({"confirmation", "booking_rescheduled"})


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter as it goes over the wire, and the address on its envelope."""

    to: str
    content: bytes


class BadAddress(ValueError):
    """The recipient has no address that mail can be sent to."""

    def __init__(self) -> None:
        super().__init__("unusable address")


class LetterWriter:
    """Writes letters in the name of a venue, from this installation's address.

    Args:
        sender: the address that mail comes from.
        public_url: where guests reach the API; manage links start with it.
        tokens: mints the token in a manage link. It is in the letter and nowhere else.
    """

    def __init__(self, *, sender: str, public_url: str, tokens: ManageTokens) -> None:
        self.sender = sender
        self.domain = sender.rpartition("@")[2]
        self._public_url = public_url.rstrip("/")
        self._tokens = tokens
        self._templates = Templates()

    def subject(self, kind: Kind, locale: str, facts: Facts) -> str:
        return self._templates.subject(kind, locale, facts)

    def message_id(self, row_id: UUID) -> str:
        """The Message-ID of a message: always the same, so that a mail sent twice shows once."""
        return f"<{row_id}@{self.domain}>"

    def write(self, message: Message, venue: Venue, at: datetime) -> Letter:
        """The letter in the name of `venue`, dated `at`.

        Raises:
            BadAddress: the guest left no usable address.
        """
        to = message.recipient.email
        if to is None or not is_address(to):
            raise BadAddress
        words = self._templates.words(
            message.told.kind,
            message.locale,
            name=message.recipient.name,
            facts=message.facts,
            venue=venue,
            manage_url=self._manage_url(message),
        )
        # Not EmailMessage: it parses each header it is given, which costs four times the rest.
        letter = MIMEMultipart("mixed", boundary=f"=-{message.told.id.hex}-letter")
        letter["From"] = _mailbox(venue.name, self.sender)
        letter["To"] = _mailbox(as_name(message.recipient.name), to)
        if venue.email and is_address(venue.email):
            letter["Reply-To"] = _mailbox(venue.name, venue.email)
        letter["Subject"] = _subject(words.subject)
        letter["Date"] = format_datetime(at)
        letter["Message-ID"] = message.message_id
        letter["Content-Language"] = words.language
        letter["Auto-Submitted"] = "auto-generated"
        bodies = MIMEMultipart("alternative", boundary=f"=-{message.told.id.hex}-words")
        bodies.attach(MIMEText(words.text, "plain", "utf-8"))
        bodies.attach(MIMEText(words.html, "html", "utf-8"))
        letter.attach(bodies)
        told, ends_at = message.told, message.facts.ends_at
        if told.kind in WITH_CALENDAR and told.booking_id is not None and ends_at is not None:
            letter.attach(self._calendar(message, venue, told.booking_id, ends_at))
        return Letter(to=to, content=letter.as_bytes())

    def _calendar(
        self, message: Message, venue: Venue, booking_id: UUID, ends_at: datetime
    ) -> MIMEText:
        file = MIMEText(
            invitation(
                booking_id=booking_id,
                version=message.told.version,
                facts=message.facts,
                ends_at=ends_at,
                venue=venue,
                sender=self.sender,
            ),
            "calendar",
            "utf-8",
        )
        file.set_param("method", "PUBLISH")
        name = f"booking-{file_stem(message.facts.reference or '')}.ics"
        file.add_header("Content-Disposition", "attachment", filename=name)
        return file

    def _manage_url(self, message: Message) -> str | None:
        facts = message.facts
        booking_id, epoch, expires_at = (
            message.told.booking_id, facts.manage_epoch, facts.manage_expires_at,
        )  # fmt: skip
        if booking_id is None or epoch is None or expires_at is None:
            return None
        token = self._tokens.mint(message.told.org_id, booking_id, epoch, expires_at)
        return f"{self._public_url}/v1/bookings/{booking_id}?token={token}"


def _subject(text: str) -> str:
    # Without the header's name the first line is filled too far, and is then folded before its
    # first word: mail programs show a blank in front.
    return text if text.isascii() else Header(text, "utf-8", header_name="Subject").encode()


def _mailbox(name: str, address: str) -> str:
    return formataddr((one_line(name, 78), address))
