"""The words of a mail: one template per kind and language, laid out as text and as HTML."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from notifications.domain.notice import Facts, Kind, Money, Venue
from notifications.domain.text import as_name, one_line
from notifications.mail.formats import date, language_of, locale_for, money, span, time


@dataclass(frozen=True, slots=True)
class Words:
    """What a mail says, ready to be put into an envelope."""

    language: str
    subject: str
    text: str
    html: str


class Templates:
    """The templates of this service. The same words go into two layouts; only HTML escapes."""

    def __init__(self) -> None:
        loader = PackageLoader("notifications", "templates")
        self._text = Environment(
            loader=loader,
            autoescape=False,  # noqa: S701 - plain text
            undefined=StrictUndefined,
            trim_blocks=True,
        )
        self._html = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )

    def subject(self, kind: Kind, locale: str, facts: Facts) -> str:
        """The subject line, which needs the booking's facts only."""
        template = self._text.get_template(f"{language_of(locale)}/{kind}.j2")
        return _subject(template, {"title": facts.title, "reference": facts.reference})

    def words(
        self,
        kind: Kind,
        locale: str,
        *,
        name: str,
        facts: Facts,
        venue: Venue,
        manage_url: str | None,
    ) -> Words:
        """The whole mail in the guest's language, as dates and money are written at the venue."""
        language = language_of(locale)
        said = _said(facts, venue, language) | {"name": as_name(name), "manage_url": manage_url}
        file = f"{language}/{kind}.j2"
        text, html = self._text.get_template(file), self._html.get_template(file)
        said["subject"] = _subject(text, said)
        return Words(
            language=language,
            subject=said["subject"],
            text=text.render(said, layout="mail.txt.j2"),
            html=html.render(said, layout="mail.html.j2"),
        )


def _subject(template: Template, said: Mapping[str, Any]) -> str:
    return one_line("".join(template.blocks["subject"](template.new_context(dict(said)))))


def _said(facts: Facts, venue: Venue, language: str) -> dict[str, Any]:
    """Every fact as the guest reads it; None where there is nothing to say."""
    locale = locale_for(language, venue.country)
    zone = ZoneInfo(facts.timezone)
    start = facts.starts_at.astimezone(zone)
    end = facts.ends_at.astimezone(zone) if facts.ends_at else None
    moved_from = facts.moved_from.astimezone(zone) if facts.moved_from else None
    due_by = facts.due_by.astimezone(zone) if facts.due_by else None
    evidence_due_by = facts.evidence_due_by.astimezone(zone) if facts.evidence_due_by else None

    def amount(value: Money | None) -> str | None:
        return money(value, locale) if value and value.amount_minor else None

    return {
        "language": language,
        "venue": replace(
            venue, name=one_line(venue.name), organisation=one_line(venue.organisation)
        ),
        "reference": facts.reference,
        "title": one_line(facts.title),
        "date": date(start, locale),
        "start_time": time(start, locale),
        "time": span(start, end, locale),
        "party_size": facts.party_size,
        "resources": ", ".join(map(one_line, facts.resources)),
        "total": amount(facts.total),
        "paid": amount(facts.paid),
        "refund": amount(facts.refund),
        "refund_awaiting": amount(facts.refund_awaiting),
        "due": amount(facts.due),
        "due_by": _moment(due_by, locale) if due_by else None,
        "payee": one_line(facts.payee) if facts.payee else None,
        "pay_message": facts.pay_message,
        "by_swish": facts.by_swish,
        "for_change": facts.for_change,
        "moved_from": _moment(moved_from, locale) if moved_from and moved_from != start else None,
        "failure": facts.failure,
        "may_retry": facts.may_retry,
        "cancelled_by_guest": facts.cancelled_by_guest,
        "disputed": amount(facts.disputed),
        "evidence_due_by": _moment(evidence_due_by, locale) if evidence_due_by else None,
        "only_asked": facts.only_asked,
        "manage_label": None,
    }


def _moment(local: datetime, locale: Locale) -> str:
    return f"{date(local, locale)}, {time(local, locale)}"
