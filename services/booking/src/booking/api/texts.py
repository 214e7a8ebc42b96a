"""What guests are told, in their language (PAY-11 to PAY-15, CAN-03)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEXTS: dict[str, dict[str, str]] = {
    "payment.insufficient_funds": {
        "en": "There are not enough funds. Please try another payment method.",
        "sv": "Det saknas täckning. Prova ett annat betalsätt.",
    },
    "payment.expired_card": {
        "en": "The card has expired. Please try another card.",
        "sv": "Kortet har gått ut. Prova ett annat kort.",
    },
    "payment.card_declined": {
        "en": "The card was declined. Please use another card or contact your bank.",
        "sv": "Kortet nekades. Använd ett annat kort eller kontakta din bank.",
    },
    "payment.check_details": {
        "en": "Please check the details you entered, or try another payment method.",
        "sv": "Kontrollera uppgifterna, eller prova ett annat betalsätt.",
    },
    "payment.too_many_attempts": {
        "en": "Too many attempts. Please wait a moment, or try another payment method.",
        "sv": "För många försök. Vänta en stund, eller prova ett annat betalsätt.",
    },
    "payment.debit_refused": {
        "en": "Your bank refused the direct debit. Please use a card or another account.",
        "sv": "Din bank nekade autogirot. Använd ett kort eller ett annat konto.",
    },
    "payment.wallet_declined": {
        "en": "PayPal could not take the money. Please choose another card or account there.",
        "sv": "PayPal kunde inte ta emot betalningen. Välj ett annat kort eller konto där.",
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
    "reschedule.moved": {
        "en": "Your booking has been moved.",
        "sv": "Din bokning är flyttad.",
    },
    "reschedule.refund": {
        "en": "Your booking has been moved. The difference is refunded within 3-5 business days.",
        "sv": "Din bokning är flyttad. Mellanskillnaden återbetalas inom 3-5 bankdagar.",
    },
    "reschedule.pay": {
        "en": "The new time is held for you. Pay the difference to move your booking.",
        "sv": "Den nya tiden är reserverad. Betala mellanskillnaden för att flytta din bokning.",
    },
    "cancel.no_refund": {
        "en": "Your booking is cancelled. By its cancellation terms nothing is refunded.",
        "sv": "Din bokning är avbokad. Enligt avbokningsvillkoren återbetalas inget.",
    },
    "cancel.refund_awaiting": {
        "en": "Your booking is cancelled. The venue decides about the refund and lets you know.",
        "sv": "Din bokning är avbokad. Anläggningen beslutar om återbetalningen och hör av sig.",
    },
    "refused.ALREADY_BOOKED": {
        "en": "Each guest can have one place here, and you have yours already.",
        "sv": "Varje gäst kan ha en plats här, och du har redan din.",
    },
    "refused.TOO_MANY_UNPAID": {
        "en": "You have places here that are not paid yet. Pay for one or cancel it first.",
        "sv": "Du har platser här som inte är betalda än. Betala eller avboka en av dem först.",
    },
    "refused.TOO_MANY_BY_HAND": {
        "en": "Too many places here are waiting to be paid. Please pay another way.",
        "sv": "För många platser här väntar på betalning. Betala på annat sätt.",
    },
    "refused.GUEST_REFUSED": {
        "en": "We cannot take this booking online. Please contact the venue.",
        "sv": "Vi kan inte ta emot bokningen på nätet. Kontakta anläggningen.",
    },
    "refused.NO_PAYMENT_METHOD": {
        "en": "It starts too soon for the payment to arrive in time. Please contact the venue.",
        "sv": "Det börjar för snart för att betalningen ska hinna fram. Kontakta anläggningen.",
    },
    "refused.WAIVER_REQUIRED": {
        "en": "The waiver must be signed before check-in.",
        "sv": "Ansvarsfriskrivningen måste undertecknas före incheckning.",
    },
    "refused.PROMO_CODE_UNKNOWN": {
        "en": "There is no such promo code.",
        "sv": "Det finns ingen sådan rabattkod.",
    },
    "refused.PROMO_CODE_NOT_NOW": {
        "en": "This promo code is not valid at this time.",
        "sv": "Rabattkoden gäller inte just nu.",
    },
    "refused.PROMO_CODE_USED_UP": {
        "en": "This promo code has been used as often as it can be.",
        "sv": "Rabattkoden är redan använd så många gånger den kan.",
    },
    "refused.PROMO_CODE_USED_BY_YOU": {
        "en": "You have used this promo code as often as one guest may.",
        "sv": "Du har redan använt rabattkoden så många gånger en gäst får.",
    },
    "refused.PROMO_CODE_NOT_HERE": {
        "en": "This promo code is not for this booking.",
        "sv": "Rabattkoden gäller inte för den här bokningen.",
    },
    "refused.PROMO_CODE_MINIMUM": {
        "en": "The booking costs less than this promo code asks for.",
        "sv": "Bokningen kostar mindre än vad rabattkoden kräver.",
    },
    "refused.GIFT_CARD_UNKNOWN": {
        "en": "There is no such gift card, or it is blocked.",
        "sv": "Det finns inget sådant presentkort, eller så är det spärrat.",
    },
    "refused.GIFT_CARD_EXPIRED": {
        "en": "This gift card has expired.",
        "sv": "Presentkortet har gått ut.",
    },
    "refused.GIFT_CARD_EMPTY": {
        "en": "Nothing is left on this gift card.",
        "sv": "Presentkortet är tomt.",
    },
    "refused.GIFT_CARD_CURRENCY": {
        "en": "This gift card is in another currency.",
        "sv": "Presentkortet är i en annan valuta.",
    },
    "refused.PAYMENT_DIFFERS": {
        "en": "This change costs another amount beforehand. Please contact the venue.",
        "sv": "Ändringen kostar ett annat belopp i förväg. Kontakta anläggningen.",
    },
    "refund.tier": {
        "en": "Cancel with more than {hours} hours to go: {percent} % is refunded.",
        "sv": "Avboka med mer än {hours} timmar kvar: {percent} % återbetalas.",
    },
    "refund.none": {
        "en": "Nothing is refunded when you cancel.",
        "sv": "Inget återbetalas vid avbokning.",
    },
    "has_bookings.session": {
        "en": "The session cannot be removed because participants are booked on it.",
        "sv": "Passet kan inte tas bort eftersom det finns deltagare bokade på det.",
    },
    "has_bookings.offering": {
        "en": "The offering cannot be removed because participants are booked on it.",
        "sv": "Utbudet kan inte tas bort eftersom det finns deltagare bokade på det.",
    },
    "has_bookings.venue": {
        "en": "The venue cannot be removed because there are bookings to come.",
        "sv": "Anläggningen kan inte tas bort eftersom det finns kommande bokningar.",
    },
    "has_bookings.resource": {
        "en": "The table cannot be removed because it is booked.",
        "sv": "Bordet kan inte tas bort eftersom det är bokat.",
    },
    "has_bookings.seats": {
        "en": "The table cannot have so few seats: a larger party has booked it.",
        "sv": "Bordet kan inte ha så få platser: ett större sällskap har bokat det.",
    },
    "has_bookings.tables": {
        "en": "A booked table cannot be taken out of the session.",
        "sv": "Ett bokat bord kan inte tas bort från passet.",
    },
    "has_bookings.moved": {
        "en": "A session with bookings cannot be moved.",
        "sv": "Ett pass med bokningar kan inte flyttas.",
    },
    "has_bookings.capacity": {
        "en": "{taken} places are taken already.",
        "sv": "{taken} platser är redan bokade.",
    },
    "has_bookings.currency": {
        "en": "The currency is fixed once there are bookings.",
        "sv": "Valutan kan inte ändras när det finns bokningar.",
    },
}
_OTHERWISE = "payment.generic"


_LANGUAGES = frozenset({"en", "sv"})
_MOST_LANGUAGES = 20


def text(key: str, locale: str, **facts: object) -> str:
    """The text for a key in the locale's language; English and generic where there is none."""
    texts = _TEXTS.get(key) or _TEXTS[_OTHERWISE]
    return (texts.get(locale.partition("-")[0]) or texts["en"]).format(**facts)


def has_text(key: str) -> bool:
    """Whether there is a text for the key."""
    return key in _TEXTS


def language(accept: str | None, otherwise: str) -> str:
    """The language to answer in: the best of ``Accept-Language`` that we have, else another."""
    wanted = sorted(_wanted(accept or ""), key=lambda choice: -choice[1])
    return next((name for name, _ in wanted if name in _LANGUAGES), otherwise)


def _wanted(accept: str) -> Iterator[tuple[str, float]]:
    for choice in accept.split(",")[:_MOST_LANGUAGES]:
        name, _, weight = choice.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if quality > 0:
            yield name.strip().lower().partition("-")[0], quality
