"""What the routes need besides the database."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from chassis.http import part
from chassis.sealing import Sealer
from payments.domain.provider import Providers
from payments.problems import PaymentsDisabled
from payments.store.accounts import Accounts


@dataclass(frozen=True, slots=True)
class Public:
    """The tools of the HTTP side. `columns` opens stored secrets."""

    accounts: Accounts
    providers: Providers
    columns: Sealer
    platform_publishable_key: str | None
    webhook_base: str | None
    production: bool
    enabled: bool


Parts = Annotated[Public, Depends(part(Public))]


async def switched_on(request: Request) -> None:
    """Refuse while payments are off (PAY-04).

    Raises:
        PaymentsDisabled: `PAYMENTS_ENABLED` is false.
    """
    if not (await part(Public)(request)).enabled:
        raise PaymentsDisabled(retry_after=3600)
