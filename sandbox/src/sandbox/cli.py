"""Command line: one subcommand per outside party, each its own process."""

import argparse
import ipaddress
from collections.abc import Sequence
from pathlib import Path

LOOPBACK = "127.0.0.1"
ANYWHERE = "0.0.0.0"  # noqa: S104 - only reachable through --bind-any


def main(argv: Sequence[str] | None = None) -> int:
    """Run the asked-for party until it is told to stop; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(argv)
    host = _host(parser, options.host, bind_any=options.bind_any)
    # Each party imports only what it needs: the mailbox no HTTP client, Stripe no SMTP.
    if options.party == "stripe":
        from sandbox.stripe.app import serve as serve_stripe  # noqa: PLC0415
        from sandbox.stripe.settings import Settings  # noqa: PLC0415

        return serve_stripe(
            Settings(
                host=host,
                port=options.port,
                state=options.state,
                public_url=options.public_url,
                retry_first=options.retry_first,
                retry_longest=options.retry_longest,
                delivery_timeout=options.delivery_timeout,
                search_lag=options.search_lag,
            )
        )
    if options.party == "paypal":
        from sandbox.paypal.app import serve as serve_paypal  # noqa: PLC0415
        from sandbox.paypal.settings import Settings as PayPal  # noqa: PLC0415

        return serve_paypal(
            PayPal(
                host=host,
                port=options.port,
                state=options.state,
                public_url=options.public_url,
                api_url=options.api_url,
                retry_first=options.retry_first,
                retry_longest=options.retry_longest,
                delivery_timeout=options.delivery_timeout,
                token_lifetime=options.token_lifetime,
            )
        )
    if options.party == "swish":
        from sandbox.swish.app import serve as serve_swish  # noqa: PLC0415

        return serve_swish(host=host, port=options.port, state=options.state)
    from sandbox.mailbox.app import serve as serve_mailbox  # noqa: PLC0415

    return serve_mailbox(
        host=host,
        port=options.port,
        smtp_port=options.smtp_port,
        keep=options.keep,
        largest=options.largest,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="The outside world, locally. Nothing here moves money or sends mail.",
    )
    parties = parser.add_subparsers(dest="party", required=True, metavar="PARTY")

    stripe = parties.add_parser(
        "stripe",
        help="a local Stripe: PaymentIntents, refunds, events, signed webhooks",
        description="A local Stripe. Accepts test keys only; each key suffix is its own account.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _listening(stripe)
    _remembering(stripe)
    stripe.add_argument(
        "--search-lag",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="age at which a payment intent becomes findable by search; Stripe's is up to a minute",
    )

    paypal = parties.add_parser(
        "paypal",
        help="a small PayPal: orders, captures, refunds, webhooks signed with a certificate",
        description="A small PayPal. Each client id is an account; its first secret is the right "
        "one. What receivers of webhooks have to trust is ca.pem in the state directory.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _listening(paypal)
    _remembering(paypal)
    paypal.add_argument(
        "--api-url",
        metavar="URL",
        help="address under which webhook receivers fetch the certificate "
        "(default: where this process listens)",
    )
    paypal.add_argument(
        "--token-lifetime",
        type=_count,
        default=32_400,
        metavar="SECONDS",
        help="how long an access token is good for",
    )

    swish = parties.add_parser(
        "swish",
        help="Swish by hand: a guest's phone, and what a business sees of it",
        description="Swish by hand. Nobody is told of a payment: whoever waits for it has to look.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _listening(swish)
    _keeping(swish)

    mailbox = parties.add_parser(
        "mailbox",
        help="a mail server that keeps what it is given and shows it",
        description="A mailbox: SMTP in, a web page and JSON out. Kept in memory only.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _listening(mailbox)
    mailbox.add_argument(
        "--smtp-port",
        type=_port,
        required=True,
        metavar="P",
        help="port for SMTP; 0 takes a free one",
    )
    mailbox.add_argument(
        "--keep",
        type=_count,
        default=20_000,
        metavar="N",
        help="messages kept; the oldest leave first",
    )
    mailbox.add_argument(
        "--largest",
        type=_count,
        default=10 * 1024 * 1024,
        metavar="BYTES",
        help="largest message taken; larger ones are refused with 552",
    )
    return parser


def _listening(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=_port, required=True, metavar="P", help="port for HTTP; 0 takes a free one"
    )
    parser.add_argument("--host", default=LOOPBACK, metavar="H", help="loopback address to bind")
    parser.add_argument(
        "--bind-any",
        action="store_true",
        help="listen on every interface; for containers, where the network is already private",
    )


def _keeping(parser: argparse.ArgumentParser) -> None:
    """For parties that keep what happened."""
    parser.add_argument(
        "--state",
        type=Path,
        required=True,
        metavar="DIR",
        help="directory that keeps everything across restarts; made when absent",
    )


def _remembering(parser: argparse.ArgumentParser) -> None:
    """For parties that keep what happened and tell of it by webhooks."""
    _keeping(parser)
    parser.add_argument(
        "--public-url",
        metavar="URL",
        help="address under which a browser reaches this process, for pages of its own "
        "(default: the Host header of the request)",
    )
    parser.add_argument(
        "--retry-first",
        type=_seconds,
        default=1.0,
        metavar="SECONDS",
        help="pause before the second attempt of a webhook delivery; doubles from there",
    )
    parser.add_argument(
        "--retry-longest",
        type=_seconds,
        default=15.0,
        metavar="SECONDS",
        help="longest pause between two attempts; a delivery is given up after three days",
    )
    parser.add_argument(
        "--delivery-timeout",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="how long a webhook receiver may take to answer",
    )


def _host(parser: argparse.ArgumentParser, host: str, *, bind_any: bool) -> str:
    if bind_any:
        return ANYWHERE if host == LOOPBACK else host
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        parser.error(f"--host {host} is not a loopback address; say --bind-any if that is meant")
    return host


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is not a port (0 to 65535)")
    return port


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a length of time")
    return seconds


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return count
