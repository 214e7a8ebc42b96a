"""What guests are told, in their language (PAY-11, PAY-12, CAN-03)."""

from __future__ import annotations

_TEXTS: dict[str, dict[str, str]] = {
    "payment.insufficient_funds": {
        "en": "The card does not have enough funds. Please try another payment method.",
        "sv": "Kortet saknar täckning. Prova ett annat betalsätt.",
    },
    "payment.expired_card": {
        "en": "The card has expired. Please try another card.",
        "sv": "Kortet har gått ut. Prova ett annat kort.",
    },
    "payment.card_declined": {
        "en": "The card was declined. Please use another card or contact your bank.",
        "sv": "Kortet nekades. Använd ett annat kort eller kontakta din bank.",
    },
    "payment.authentication_failed": {
        "en": "Your bank could not confirm that it was you. Please try again or use another card.",
        "sv": "Din bank kunde inte bekräfta att det var du. Försök igen eller ta ett annat kort.",
    },
    "payment.generic": {
        "en": "The payment did not go through. Please try again or use another card.",
        "sv": "Betalningen gick inte igenom. Försök igen eller använd ett annat kort.",
    },
    "payment.cancelled": {
        "en": "The payment was cancelled.",
        "sv": "Betalningen avbröts.",
    },
    "cancel.refund": {
        "en": "Your booking is cancelled. The refund arrives within 3-5 business days.",
        "sv": "Din bokning är avbokad. Återbetalningen kommer inom 3-5 bankdagar.",
    },
    "cancel.no_refund": {
        "en": "Your booking is cancelled. By its cancellation terms nothing is refunded.",
        "sv": "Din bokning är avbokad. Enligt avbokningsvillkoren återbetalas inget.",
    },
}
_OTHERWISE = "payment.generic"


def text(key: str, locale: str) -> str:
    """The text for a key in the locale's language; English and generic where there is none."""
    texts = _TEXTS.get(key) or _TEXTS[_OTHERWISE]
    return texts.get(locale.partition("-")[0]) or texts["en"]
