"""Prices: menus and orders from them, promo codes, and gift cards."""

from alembic import op

from chassis.migrations import tenant_table

revision = "0006"
down_revision = "0005"

MENUS = """
CREATE TABLE menu_sections (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL,
    venue_id uuid NOT NULL REFERENCES venues,
    name text NOT NULL,
    description text,
    sort_order integer NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'archived')),
    version integer NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX menu_sections_venue ON menu_sections (venue_id, sort_order, id);

CREATE TABLE menu_items (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL,
    venue_id uuid NOT NULL REFERENCES venues,
    section_id uuid NOT NULL REFERENCES menu_sections,
    name text NOT NULL,
    description text,
    price_minor bigint NOT NULL CHECK (price_minor >= 0),
    is_available boolean NOT NULL,
    sort_order integer NOT NULL,
    dietary text[] NOT NULL,
    allergens text[] NOT NULL,
    available_from date,
    available_until date,
    status text NOT NULL CHECK (status IN ('active', 'archived')),
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT menu_items_dates CHECK (available_until >= available_from)
);
CREATE INDEX menu_items_section ON menu_items (section_id, sort_order, id);

-- What a booking orders, at the price of that day.
CREATE TABLE booking_items (
    booking_id uuid NOT NULL REFERENCES bookings,
    position smallint NOT NULL,
    org_id uuid NOT NULL,
    menu_item_id uuid NOT NULL REFERENCES menu_items,
    label text NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    unit_minor bigint NOT NULL CHECK (unit_minor >= 0),
    note text,
    whom text,
    PRIMARY KEY (booking_id, position)
);

-- What the kitchen of a session must know: the few bookings with dishes or allergies.
CREATE INDEX bookings_kitchen ON bookings (session_id, starts_at, id)
    WHERE (allergies <> '{}' OR lines @? '$[*] ? (@.key starts with "dish:")');
"""

# What a card pays and what is due now are parts of the same total.
SHARES = """
ALTER TABLE bookings DROP CONSTRAINT bookings_gift,
    ADD CONSTRAINT bookings_gift CHECK (
        amount_gift >= 0 AND amount_gift + amount_due_now <= amount_total);
"""

# used: bookings that have the code now. The checks are the last word on how often.
PROMOS = """
CREATE TABLE promo_codes (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL,
    code text NOT NULL,
    code_key text NOT NULL,
    percent integer CHECK (percent BETWEEN 1 AND 100),
    amount_minor bigint CHECK (amount_minor > 0),
    currency text CHECK (currency ~ '^[A-Z]{3}$'),
    minimum_minor bigint NOT NULL CHECK (minimum_minor >= 0),
    valid_from timestamptz,
    valid_until timestamptz,
    max_uses integer CHECK (max_uses > 0),
    max_per_customer integer CHECK (max_per_customer > 0),
    offering_ids uuid[] NOT NULL,
    used integer NOT NULL DEFAULT 0,
    status text NOT NULL CHECK (status IN ('active', 'archived')),
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT promo_codes_code UNIQUE (org_id, code_key),
    CONSTRAINT promo_codes_kind CHECK ((percent IS NULL) <> (amount_minor IS NULL)),
    CONSTRAINT promo_codes_currency CHECK (
        currency IS NOT NULL OR (amount_minor IS NULL AND minimum_minor = 0)),
    CONSTRAINT promo_codes_window CHECK (valid_until > valid_from),
    CONSTRAINT promo_codes_used CHECK (used >= 0 AND (max_uses IS NULL OR used <= max_uses))
) WITH (fillfactor = 50);

-- How often each guest has a code now, by keyed hashes of phone and e-mail.
CREATE TABLE promo_guests (
    promo_id uuid NOT NULL REFERENCES promo_codes,
    hash bytea NOT NULL,
    org_id uuid NOT NULL,
    used integer NOT NULL CHECK (used >= 0),
    PRIMARY KEY (promo_id, hash)
);

-- Which booking has which code. returned_at: since when it has it no longer.
CREATE TABLE promo_uses (
    booking_id uuid PRIMARY KEY REFERENCES bookings,
    org_id uuid NOT NULL,
    promo_id uuid NOT NULL REFERENCES promo_codes,
    email_hash bytea NOT NULL,
    phone_hash bytea,
    returned_at timestamptz
);
CREATE INDEX promo_uses_promo ON promo_uses (promo_id) WHERE returned_at IS NULL;
"""

# The balance changes in the statement that writes the entry, and is never below nothing.
CARDS = """
CREATE TABLE gift_cards (
    id uuid PRIMARY KEY,
    org_id uuid NOT NULL,
    code_hash bytea NOT NULL,
    last4 text NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    issued_minor bigint NOT NULL CHECK (issued_minor > 0),
    balance_minor bigint NOT NULL CHECK (balance_minor >= 0),
    expires_at timestamptz,
    status text NOT NULL CHECK (status IN ('active', 'blocked')),
    note text,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT gift_cards_code UNIQUE (org_id, code_hash)
) WITH (fillfactor = 50);
CREATE INDEX gift_cards_org ON gift_cards (org_id, id);

CREATE TABLE gift_entries (
    card_id uuid NOT NULL REFERENCES gift_cards,
    id uuid NOT NULL,
    org_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('issued', 'redeemed', 'returned', 'adjusted')),
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    balance_minor bigint NOT NULL CHECK (balance_minor >= 0),
    booking_id uuid REFERENCES bookings,
    booking_version integer,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    reason text,
    PRIMARY KEY (card_id, id),
    -- A change of a booking takes, or gives back, once: however often it is told.
    CONSTRAINT gift_entries_once UNIQUE (booking_id, booking_version, kind),
    CONSTRAINT gift_entries_signs CHECK (
        CASE kind WHEN 'redeemed' THEN amount_minor < 0 AND booking_id IS NOT NULL
            WHEN 'returned' THEN amount_minor > 0 AND booking_id IS NOT NULL
            WHEN 'issued' THEN amount_minor > 0 ELSE true END)
);
"""

TABLES = (
    "menu_sections",
    "menu_items",
    "booking_items",
    "promo_codes",
    "promo_guests",
    "promo_uses",
    "gift_cards",
    "gift_entries",
)


def upgrade() -> None:
    for script in (MENUS, SHARES, PROMOS, CARDS):
        for statement in filter(str.strip, script.split(";\n")):
            op.execute(statement)
    for table in TABLES:
        tenant_table(op, table, "booking")
    # Money on cards is accounted for by what is written once and never changed.
    op.execute("REVOKE UPDATE, DELETE ON gift_entries FROM booking")
    op.execute("REVOKE DELETE ON gift_cards, promo_codes, promo_uses FROM booking")
