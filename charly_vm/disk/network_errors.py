"""What went wrong on the network, in words for people, and whether trying again may help."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from charly_vm.errors import HostError


class CutOff(HostError):
    """A transfer that may go on when it is tried again."""


@contextmanager
def explain_network_errors(url: str) -> Iterator[None]:
    """Turn what requests raises into a `HostError`, a `CutOff` where trying again may help."""
    import requests

    try:
        yield
    except requests.HTTPError as error:
        answer = error.response
        text = f"{url}: the server says {answer.status_code} {answer.reason}"
        if answer.status_code >= 500:
            raise CutOff(text) from error
        raise HostError(text, hint="check the `url:` of the source") from error
    except requests.RequestException as error:
        raise _explain(url, error) from error


def _explain(url: str, error: Exception) -> HostError:
    import requests

    host = urlsplit(url).netloc
    for cause in _causes(error):
        match cause:
            case socket.gaierror():
                return CutOff(f"{url}: the name {host} is not known ({cause.strerror})")
            case ConnectionRefusedError():
                return CutOff(f"{url}: nothing listens at {host}")
            case ssl.SSLCertVerificationError():
                return HostError(
                    f"{url}: the certificate of {host} is not valid: {cause.verify_message}",
                    hint="REQUESTS_CA_BUNDLE names a file with the certificates to trust",
                )
            case ssl.SSLError():
                return HostError(f"{url}: {host} does not speak TLS as it should: {cause}")
            case TimeoutError() | requests.Timeout():
                return CutOff(f"{url}: {host} does not answer")
            case OSError() if cause.errno is not None:
                return CutOff(f"{url}: {cause.strerror}")
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return CutOff(f"{url}: the connection was cut off: {error}")
    return HostError(f"{url} cannot be fetched: {error}", hint="check the `url:` of the source")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what lies under it, innermost first: requests wraps urllib3, which wraps."""
    inner = [error.__cause__, error.__context__, getattr(error, "reason", None), *error.args]
    for cause in inner:
        if isinstance(cause, BaseException) and cause is not error:
            yield from _causes(cause)
    yield error
