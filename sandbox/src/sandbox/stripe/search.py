"""Stripe's search language, as far as PaymentIntents need it.

`metadata['attempt_id']:'…' AND status:'succeeded'`; clauses joined by AND or by OR, not both.
"""

import re
from typing import Any

from sandbox.stripe.call import Call
from sandbox.stripe.refusal import Json, Refusal, bad_parameter

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<join>AND|OR)\b
      | (?P<negated>-)?
        (?P<field>[a-z_]+)
        (?:\[(?P<quote>['"])(?P<key>(?:\\.|(?!(?P=quote)).)*)(?P=quote)\])?
        \s*(?P<operator>:|~|>=|<=|>|<)\s*
        (?: (?P<mark>['"])(?P<text>(?:\\.|(?!(?P=mark)).)*)(?P=mark)
          | (?P<null>null)\b | (?P<number>\d+) )
    )\s*""",
    re.VERBOSE,
)
_NUMBERS = frozenset({"amount", "created"})
_WORDS = frozenset({"currency", "customer", "status"})


def payment_intents(call: Call) -> Json:
    condition, values = _condition(call.tenant, call.params["query"])
    if call.search_lag:
        condition = f"created <= ? AND ({condition})"
        values.insert(0, call.now - call.search_lag)
    limit = call.params.get("limit", 10)
    page = call.params.get("page", "0")
    if not page.isdigit():
        raise bad_parameter(f"Invalid page: {page}", param="page")
    rows, more = call.store.search(
        call.tenant, condition, values, limit=limit, skip=int(page) * limit
    )
    return {
        "object": "search_result",
        "data": rows,
        "has_more": more,
        "next_page": str(int(page) + 1) if more else None,
        "url": "/v1/payment_intents/search",
    }


def _condition(tenant: str, query: str) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    joins: set[str] = set()
    position, clause_next = 0, True
    while position < len(query):
        match = _TOKEN.match(query, position)
        if match is None or clause_next is bool(match["join"]):
            raise _not_understood(query)
        position = match.end()
        if match["join"]:
            joins.add(match["join"])
            clause_next = True
            continue
        if not clause_next:
            raise _not_understood(query)
        sql, used = _clause(tenant, match, query)
        parts.append(f"NOT ({sql})" if match["negated"] else sql)
        values.extend(used)
        clause_next = False
    if clause_next or len(joins) > 1:
        raise _not_understood(query)
    return f" {joins.pop() if joins else 'AND'} ".join(parts), values


def _clause(tenant: str, match: re.Match[str], query: str) -> tuple[str, list[Any]]:
    name, operator = match["field"], match["operator"]
    if name == "metadata" and match["key"] is not None:
        return _metadata(tenant, match, query)
    if name in _NUMBERS and operator != "~":
        number = match["number"] or match["text"] or ""
        if not number.isdigit():
            raise _not_understood(query)
        comparison = "=" if operator == ":" else operator
        return f"json_extract(o.body, '$.{name}') {comparison} ?", [int(number)]
    if name in _WORDS and operator == ":":
        if match["null"]:
            return f"json_extract(o.body, '$.{name}') IS NULL", []
        if match["text"] is not None:
            return f"json_extract(o.body, '$.{name}') = ?", [_plain(match["text"]).lower()]
    raise _not_understood(query)


def _metadata(tenant: str, match: re.Match[str], query: str) -> tuple[str, list[Any]]:
    key, among = (
        _plain(match["key"]),
        "o.id IN (SELECT id FROM metadata WHERE tenant = ? AND key = ?",
    )
    if match["null"] and match["operator"] == ":":
        return f"NOT {among})", [tenant, key]
    if match["text"] is not None and match["operator"] == ":":
        return f"{among} AND value = ?)", [tenant, key, _plain(match["text"])]
    if match["text"] is not None and match["operator"] == "~":
        return f"{among} AND instr(lower(value), lower(?)) > 0)", [
            tenant,
            key,
            _plain(match["text"]),
        ]
    raise _not_understood(query)


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _not_understood(query: str) -> Refusal:
    return bad_parameter(
        f"We were unable to parse your search query: {query}. See "
        "https://stripe.com/docs/search#search-query-language.",
        param="query",
    )
