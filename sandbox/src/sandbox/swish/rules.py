"""What Swish takes: numbers, amounts in kronor, and a message."""

import re

LEAST, LARGEST = 1_00, 150_000_00
"""In öre."""

_BUSINESS = re.compile(r"123\d{7}\Z", re.ASCII)
_MOBILE = re.compile(r"(?:\+46|0046|46|0)(7\d{8})\Z", re.ASCII)
_AMOUNT = re.compile(r"(\d{1,9})(?:[.,](\d{1,2}))?\Z", re.ASCII)
_MESSAGE = re.compile(r"[0-9A-Za-zÀ-ÖØ-öø-ÿ !?(),.:;/-]{0,50}\Z")


class Wrong(Exception):
    """Swish does not take it: which field, and why in a sentence."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field, self.why = field, why


def mobile(text: str, field: str = "payer") -> str:
    """A Swedish mobile number as +46…; raises Wrong."""
    found = _MOBILE.match(re.sub(r"[\s-]", "", text))
    if found is None:
        raise Wrong(field, "must be a Swedish mobile number, such as 070-174 06 05")
    return f"+46{found[1]}"


def payee(text: str) -> str:
    """A business's number (123 and seven digits), or a mobile one as +46…; raises Wrong."""
    digits = re.sub(r"[\s-]", "", text)
    if _BUSINESS.match(digits):
        return digits
    try:
        return mobile(text, "payee")
    except Wrong:
        raise Wrong("payee", "must be 123 and seven digits, or a mobile number") from None


def amount(text: str) -> int:
    """In öre, of `180`, `180.00` or `180,00`; raises Wrong."""
    found = _AMOUNT.match(re.sub(r"\s", "", text))
    if found is None:
        raise Wrong("amount", "must be an amount in kronor, such as 180.00")
    ore = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    if not LEAST <= ore <= LARGEST:
        raise Wrong("amount", f"must be from {written(LEAST)} to {written(LARGEST)} kronor")
    return ore


def message(text: str) -> str:
    """Up to 50 letters, digits and ordinary signs; raises Wrong."""
    if not _MESSAGE.match(text.strip()):
        raise Wrong("message", "has at most 50 letters, digits, spaces and !?(),.:;/-")
    return text.strip()


def written(ore: int) -> str:
    """`180.00`."""
    return f"{ore // 100}.{ore % 100:02d}"
