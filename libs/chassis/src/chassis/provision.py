"""The roles and the database of one service, as SQL for a superuser to run once.

Two roles keep tenant isolation out of reach of a mistake: ``<service>_owner`` owns the business
tables and runs migrations; ``<service>`` serves requests, owns only the messaging schema, and is
therefore subject to row-level security on every business table.
"""

from __future__ import annotations


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def roles(service: str, *, password: str, owner_password: str) -> list[str]:
    """Statements that create the two roles; running them again only renews the passwords."""
    statements = []
    for role, secret in ((service, password), (f"{service}_owner", owner_password)):
        statements.append(
            f"DO $$ BEGIN CREATE ROLE {role} LOGIN; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        statements.append(
            f"ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS "
            f"PASSWORD {_quoted(secret)}"
        )
    statements.append(f"GRANT {service} TO {service}_owner")
    return statements


def database(service: str, name: str | None = None) -> list[str]:
    """Statements that create the service's database; they run outside a transaction."""
    name = name or service
    return [
        f'CREATE DATABASE "{name}" OWNER {service}_owner',
        f'REVOKE CONNECT, TEMPORARY ON DATABASE "{name}" FROM PUBLIC',
        f'GRANT CONNECT ON DATABASE "{name}" TO {service}',
    ]


def sql(service: str, *, password: str, owner_password: str) -> list[str]:
    """Roles and database of a service, statement by statement."""
    return roles(service, password=password, owner_password=owner_password) + database(service)
