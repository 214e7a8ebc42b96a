"""The composition root: the only file that sees everything."""

from chassis.db import Database
from chassis.manage_token import ManageTokens
from chassis.sealing import Sealer
from chassis.service import Service
from notifications import messages
from notifications.api import bookings
from notifications.mail.letter import LetterWriter
from notifications.mail.smtp import Mailer, MailServer
from notifications.settings import Settings
from notifications.store.messages import Messages
from notifications.usecases.plan import SEND_MAIL
from notifications.usecases.send import SendMail


def build(settings: Settings) -> Service:
    """The service, assembled but not started."""
    db = Database(
        settings.DATABASE_URL, pool_size=settings.POOL_SIZE, application_name="notifications"
    )
    table = Messages(Sealer(settings.COLUMN_KEYS))
    writer = LetterWriter(
        sender=settings.MAIL_FROM,
        public_url=settings.PUBLIC_URL,
        tokens=ManageTokens(settings.MANAGE_TOKEN_KEYS),
    )
    mailer = Mailer(MailServer.parse(settings.SMTP_URL), hello=writer.domain)
    return Service(
        name="notifications",
        settings=settings,
        db=db,
        routers=[bookings.router],
        handlers=messages.handlers(Sealer(settings.CONTACT_KEYS), table, writer),
        executors={SEND_MAIL: SendMail(db, table, writer, mailer)},
        parts=[table],
        on_stop=[mailer.close],
    )
