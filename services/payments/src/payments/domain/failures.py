"""Why a payment did not go through, and what the customer is told about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """One refusal.

    `code` and `decline_code` are the provider's words, for staff; `occurrence` names the charge or
    payment method that was refused, so that the same refusal seen twice counts once.
    """

    code: str
    decline_code: str | None = None
    occurrence: str = ""

    @property
    def message_key(self) -> str:
        """Which customer message fits; never more telling than the customer should know.

        A lost or stolen card reads like any declined card.
        """
        return (
            _KEYS.get(self.decline_code or "")
            or _KEYS.get(self.code)
            or ("card_declined" if self.decline_code else "generic")
        )


_KEYS = {
    "insufficient_funds": "insufficient_funds",
    "withdrawal_count_limit_exceeded": "insufficient_funds",
    "expired_card": "expired_card",
    "authentication_required": "authentication_failed",
    "authentication_not_handled": "authentication_failed",
    "payment_intent_authentication_failure": "authentication_failed",
    "card_velocity_exceeded": "too_many_attempts",
    "rate_limit": "too_many_attempts",
    "rate_limit_error": "too_many_attempts",
    "incorrect_number": "check_details",
    "invalid_number": "check_details",
    "incorrect_cvc": "check_details",
    "invalid_cvc": "check_details",
    "invalid_expiry_month": "check_details",
    "invalid_expiry_year": "check_details",
    "incorrect_address": "check_details",
    "incorrect_zip": "check_details",
    "bank_account_unusable": "check_details",
    "validation_error": "check_details",
    "debit_not_authorized": "debit_refused",
    "payment_method_bank_account_blocked": "debit_refused",
    "payment_method_bank_account_closed": "debit_refused",
    "payment_intent_mandate_invalid": "debit_refused",
    "processing_error": "generic",
    "card_declined": "card_declined",
    "INSTRUMENT_DECLINED": "wallet_declined",
    "CAPTURE_DECLINED": "wallet_declined",
    "CAPTURE_FAILED": "wallet_declined",
}

# PAY-11 to PAY-15. The same keys travel in payment.failed. Each says what else may be tried.
MESSAGES = {
    "en": {
        "insufficient_funds": (
            "There are insufficient funds. Please use another card or payment method."
        ),
        "expired_card": "The card has expired. Please use another card.",
        "card_declined": "The card was declined. Please use another card or contact your bank.",
        "check_details": (
            "Please check the details you entered, or use another card or payment method."
        ),
        "too_many_attempts": (
            "Too many attempts. Please wait a moment, or use another card or payment method."
        ),
        "authentication_failed": (
            "Your bank could not confirm that it was you. Please try again or use another card."
        ),
        "debit_refused": (
            "Your bank refused the direct debit. Please use a card or another account."
        ),
        "wallet_declined": (
            "PayPal could not take the money. Please choose another card or account there."
        ),
        "generic": "The payment did not go through. Please try again or pay another way.",
    },
    "sv": {
        "insufficient_funds": ("Det saknas täckning. Använd ett annat kort eller betalningssätt."),
        "expired_card": "Kortet har gått ut. Använd ett annat kort.",
        "card_declined": "Kortet nekades. Använd ett annat kort eller kontakta din bank.",
        "check_details": (
            "Kontrollera uppgifterna, eller använd ett annat kort eller betalningssätt."
        ),
        "too_many_attempts": (
            "För många försök. Vänta en stund, eller använd ett annat kort eller betalningssätt."
        ),
        "authentication_failed": (
            "Din bank kunde inte bekräfta att det var du. Försök igen eller använd ett annat kort."
        ),
        "debit_refused": "Din bank nekade autogirot. Använd ett kort eller ett annat konto.",
        "wallet_declined": (
            "PayPal kunde inte ta emot betalningen. Välj ett annat kort eller konto där."
        ),
        "generic": "Betalningen gick inte igenom. Försök igen eller betala på annat sätt.",
    },
}


def message(key: str, locale: str) -> str:
    """The customer's sentence for a message key, in the nearest language we have (else English)."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    return MESSAGES.get(language, MESSAGES["en"]).get(key, MESSAGES["en"]["generic"])
