"""Dates, times and money as the guest reads them, in the venue's zone."""

from datetime import datetime
from decimal import Decimal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency, get_currency_precision

from notifications.domain.notice import Money

LANGUAGES = ("en", "sv")
_HOME = {"en": "GB", "sv": "SE"}


def language_of(tag: str) -> str:
    """The language of a tag such as `sv-SE`; English when we have no words in it."""
    language = tag.replace("_", "-").partition("-")[0].lower()
    return language if language in LANGUAGES else "en"


def locale_for(language: str, country: str) -> Locale:
    """How `language` is written in `country`: English in Britain and in America differ in dates."""
    for region in (country.upper(), _HOME.get(language, "")):
        try:
            return Locale.parse(f"{language}_{region}")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale(language)


def money(amount: Money, locale: Locale) -> str:
    digits = get_currency_precision(amount.currency)
    value = Decimal(amount.amount_minor).scaleb(-digits)
    return str(format_currency(value, amount.currency, locale=locale))


def date(local: datetime, locale: Locale) -> str:
    return format_date(local.date(), "full", locale=locale)


def time(local: datetime, locale: Locale) -> str:
    return format_time(local.time(), "short", locale=locale)


def span(start: datetime, end: datetime | None, locale: Locale) -> str:
    """From start to end; an end on the next day (F-62) needs no date, the clock says it."""
    begins = time(start, locale)
    return begins if end is None else f"{begins}–{time(end, locale)}"  # noqa: RUF001 - typographic
