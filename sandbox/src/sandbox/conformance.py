"""Does it look like Stripe? Checked against the installed `stripe` package's own type annotations.

For tests only: it needs `stripe` and `jsonschema`. Nothing is kept of Stripe's specification; the
schemas are built from the package when asked for. Two limits come from the annotations: an answer
may leave out any field that can be null, and enums that Stripe leaves open are closed here to the
values the package knows.
"""

import ast
import re
import sys
import typing
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any, Literal, NotRequired, Required, TypeVar, Union

import stripe
import typing_extensions
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

Json = dict[str, Any]

_RESOURCES: Mapping[str, str] = {
    "account": "Account",
    "account_link": "AccountLink",
    "application": "Application",
    "application_fee": "ApplicationFee",
    "balance_transaction": "BalanceTransaction",
    "charge": "Charge",
    "customer": "Customer",
    "checkout.session": "checkout.Session",
    "item": "LineItem",
    "dispute": "Dispute",
    "event": "Event",
    "payment_intent": "PaymentIntent",
    "payment_method": "PaymentMethod",
    "price": "Price",
    "product": "Product",
    "refund": "Refund",
    "setup_intent": "SetupIntent",
    "transfer": "Transfer",
    "webhook_endpoint": "WebhookEndpoint",
}
_DIGITS = {"type": "string", "pattern": r"^-?\d+$"}
_WORDS: Mapping[Any, Json] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Decimal: {"type": ["string", "number"]},
    NoneType: {"type": "null"},
}
# How the same values look in a form.
_WIRED: Mapping[Any, Json] = {
    int: _DIGITS,
    float: {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"},
    bool: {"enum": ["true", "false"]},
    Decimal: {"type": "string"},
}


class UnknownToStripe(LookupError):
    """The package has no such request or object."""


def check_request(method: str, path: str, params: Mapping[str, Any]) -> list[str]:
    """What Stripe would not understand in a request; empty when all is well.

    `params` are either those given to the SDK or a decoded form, as `/_sandbox/requests` lists
    them. Raises UnknownToStripe for a method and path that Stripe doesn't have.
    """
    return _problems(_request_validator(*_request_class(method.upper(), path)), dict(params))


def check_answer(body: Mapping[str, Any], *, partial: bool = False) -> list[str]:
    """What is wrong with an answer of Stripe's; empty when all is well.

    `partial` is for answers to a publishable key, which leave fields out.
    """
    answer = dict(body)
    if set(answer) == {"error"}:
        return _problems(_answer_validator("ErrorObject", partial=partial), answer["error"])
    kind = answer.get("object")
    if kind in {"list", "search_result"}:
        return [
            *_check_list(answer, kind),
            *(
                f"data[{index}]{problem}"
                for index, item in enumerate(answer.get("data", []))
                for problem in check_answer(item, partial=partial)
            ),
        ]
    if not isinstance(kind, str) or kind not in _RESOURCES:
        raise UnknownToStripe(f"object {kind!r}")
    if answer.get("deleted") is True:
        return [f": unexpected {name}" for name in set(answer) - {"id", "object", "deleted"}]
    problems = _problems(_answer_validator(_RESOURCES[kind], partial=partial), answer)
    if kind == "event":
        problems += [f".data.object{one}" for one in check_answer(answer["data"]["object"])]
    return problems


def parameters(method: str, path: str) -> Json:
    """The JSON Schema of a request's parameters."""
    return _request_schema(*_request_class(method.upper(), path))


def _check_list(body: Json, kind: str) -> list[str]:
    names = {"object", "data", "has_more", "url"}
    if kind == "search_result":
        names |= {"next_page"}
    return [f": list fields differ: {sorted(set(body) ^ names)}"] if set(body) != names else []


@cache
def _answer_validator(name: str, *, partial: bool) -> Any:
    schema = _Schemas(wired=False, partial=partial).of_root(_class(name) or _error())
    return Draft202012Validator(schema)


def _class(name: str) -> type | None:
    """`Charge` or `checkout.Session`; None: the package keeps it elsewhere."""
    place, _, last = name.rpartition(".")
    home = import_module(f"stripe.{place}") if place else stripe
    found: type | None = getattr(home, last, None)
    return found


def _error() -> type:
    found: type = import_module("stripe._error_object").ErrorObject
    return found


@cache
def _request_schema(module: str, name: str) -> Json:
    if not name:
        return {"type": "object", "additionalProperties": False}
    schemas = _Schemas(wired=True, partial=False)
    return schemas.of_root(getattr(import_module(module), name))


@cache
def _request_validator(module: str, name: str) -> Any:
    return Draft202012Validator(_request_schema(module, name))


def _problems(validator: Any, value: Any) -> list[str]:
    return [
        f"{error.json_path.removeprefix('$')}: {error.message[:300]}"
        for error in sorted(validator.iter_errors(value), key=lambda error: error.json_path)
    ]


# Finding the parameters of a request: the service classes say which path takes which.


def _request_class(method: str, path: str) -> tuple[str, str]:
    for template, found in _requests(path.split("/")[2]):
        if template[0] == method and re.fullmatch(template[1], path):
            return found
    raise UnknownToStripe(f"{method} {path}")


@cache
def _requests(resource: str) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Of one resource: (method, path as a pattern) and (module, name) of the parameters' class.

    Literal paths come before those with an id in them.
    """
    found = []
    for file in sorted(Path(stripe.__path__[0]).glob("**/_*_service.py")):
        text = file.read_text(encoding="utf-8")
        if f'"/v1/{resource}"' in text or f'"/v1/{resource}/' in text:
            found += list(_requests_in(ast.parse(text)))
    return sorted(found, key=lambda one: one[0][1].count("[^/]+"))


def _requests_in(tree: ast.Module) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    imports = _imports(tree)
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        texts = [
            node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        method = next((text for text in texts if text in {"get", "post", "delete"}), None)
        path = next((text for text in texts if text.startswith("/v1/")), None)
        if method is None or path is None:
            continue
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))
        name = next(
            (
                word
                for argument in [*function.args.args, *function.args.kwonlyargs]
                if argument.arg == "params" and argument.annotation is not None
                for word in re.findall(r"\w+Params", ast.unparse(argument.annotation))
            ),
            "",
        )
        yield (method.upper(), pattern), imports.get(name, ("", ""))


def _imports(tree: ast.Module) -> dict[str, tuple[str, str]]:
    """Local name to (module, name there), wherever in the file the import stands."""
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


# From annotations to JSON Schema.


class _Names(dict[str, Any]):
    """Names in annotations as a type checker sees them, imports made only for it included."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__()
        self._module = vars(module)
        self._imports = _imports(ast.parse(Path(module.__file__ or "").read_text("utf-8")))

    def __missing__(self, name: str) -> Any:
        if name in self._module:
            return self._module[name]
        if name in self._imports:
            source, original = self._imports[name]
            return getattr(import_module(source), original)
        for place in (stripe, typing):
            if hasattr(place, name):
                return getattr(place, name)
        raise KeyError(name)


@cache
def _names(module: ModuleType) -> _Names:
    return _Names(module)


class _Schemas:
    """Builds one schema with its definitions. `wired` also takes values as a form has them."""

    def __init__(self, *, wired: bool, partial: bool) -> None:
        self._wired = wired
        self._partial = partial
        self._definitions: dict[str, Json] = {}

    def of_root(self, root: type) -> Json:
        return {**self._reference(root), "$defs": self._definitions}

    def _reference(self, owner: type) -> Json:
        name = f"{owner.__module__}.{owner.__qualname__}"
        if name not in self._definitions:
            self._definitions[name] = {}
            self._definitions[name] = self._object(owner)
        return {"$ref": f"#/$defs/{name}"}

    def _object(self, owner: type) -> Json:
        hints = _hints(owner)
        required = _required(owner, hints)
        return {
            "type": "object",
            "properties": {name: self._of(hint) for name, hint in hints.items()},
            "required": [] if self._partial else sorted(required),
            "additionalProperties": False,
        }

    def _of(self, hint: Any) -> Json:
        if hint in _WORDS:
            return self._word(hint)
        if typing.get_origin(hint) is not None:
            return self._composed(typing.get_origin(hint), typing.get_args(hint))
        if hint is Any or isinstance(hint, TypeVar):
            return {}
        if _named(hint, "UntypedStripeObject"):
            return {"type": "object"}
        if hasattr(hint, "OBJECT_NAME") and hint.OBJECT_NAME not in _RESOURCES:
            # Following every object that can be expanded would end at all of Stripe.
            return {"type": "object", "required": ["object"]}
        if isinstance(hint, type):
            return self._reference(hint)
        raise UnknownToStripe(f"no schema for the annotation {hint!r}")

    def _composed(self, origin: Any, arguments: Sequence[Any]) -> Json:
        if origin in {NotRequired, Required, typing_extensions.NotRequired}:
            return self._of(arguments[0])
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin in {Union, UnionType}:
            return {"anyOf": [self._of(one) for one in _closed(arguments)]}
        if origin in {list, Sequence}:
            return self._list(self._of(arguments[0]))
        if origin in {dict, Mapping} or _named(origin, "UntypedStripeObject"):
            return {"type": "object", "additionalProperties": self._of(arguments[-1])}
        # ListObject[Refund] and the like: its own fields are checked, its items where used.
        return {"type": "object"}

    def _word(self, hint: Any) -> Json:
        plain = _WORDS[hint]
        if self._wired and hint in _WIRED:
            return {"anyOf": [plain, _WIRED[hint]]}
        return plain

    def _list(self, item: Json) -> Json:
        plain: Json = {"type": "array", "items": item}
        if not self._wired:
            return plain
        return {
            "anyOf": [
                plain,
                {
                    "type": "object",
                    "patternProperties": {r"^\d+$": item},
                    "additionalProperties": False,
                },
            ]
        }


def _hints(owner: type) -> dict[str, Any]:
    """Field name to annotation, without what the SDK adds for itself."""
    module = sys.modules[owner.__module__]
    hints = typing.get_type_hints(owner, vars(module), _names(module), include_extras=True)
    request_options = import_module("stripe._request_options").RequestOptions.__annotations__
    if typing_extensions.is_typeddict(owner):
        return {name: hint for name, hint in hints.items() if name not in request_options}
    base = set(typing.get_type_hints(stripe.StripeObject))
    return {
        name: hint
        for name, hint in hints.items()
        if not name.startswith("_")
        and name not in base
        and typing.get_origin(hint) is not typing.ClassVar
    }


def _required(owner: type, hints: Mapping[str, Any]) -> set[str]:
    if typing_extensions.is_typeddict(owner):
        keys: frozenset[str] = getattr(owner, "__required_keys__", frozenset())
        return {name for name in hints if name in keys}
    return {name for name, hint in hints.items() if NoneType not in typing.get_args(hint)}


def _closed(arguments: Sequence[Any]) -> Sequence[Any]:
    """An enum that is left open for later values is closed to today's."""
    enums = [one for one in arguments if typing.get_origin(one) is Literal]
    if any(value for one in enums for value in typing.get_args(one)):
        return [one for one in arguments if one is not str]
    return arguments


def _named(hint: Any, name: str) -> bool:
    return isinstance(hint, type) and hint.__name__ == name
