"""Who may talk to the sandbox: the device certificate of a request, checked as the cloud would."""

import datetime as dt
import enum
from collections.abc import Mapping
from pathlib import Path

from smok_cloud.certificates import load_certificate, read_identity, trusted_cas
from smok_cloud.chain import verify_chain
from smok_cloud.errors import InvalidCredentials
from smok_cloud.identity import Environment

from smok_testing.cloud.inputs import Refusal


class CertificateIn(enum.Enum):
    """Where the sandbox looks for the device's certificate."""

    NOWHERE = "nowhere"
    HEADER = "header"  #: X-SSL-Client-Certificate, as outside of production
    TLS = "tls"  #: the handshake, as in production


class CertificateCheck:
    """Checks requests against certificate authorities.

    Args:
        where: Where the certificate is expected.
        ca_bundle: PEM file with the root and the device CA.
    """

    def __init__(self, where: CertificateIn, ca_bundle: Path | None) -> None:
        self.where, self._ca_bundle = where, ca_bundle

    def device_id(self, tls_pem: str | None, headers: Mapping[str, str]) -> str | None:
        """Return the device that sent a request, None if nobody asks.

        Raises:
            Refusal: 401 without a certificate, 403 with one that is not accepted.
        """
        if self.where is CertificateIn.NOWHERE:
            return None
        in_header = self.where is CertificateIn.HEADER
        pem = headers.get("x-ssl-client-certificate", "") if in_header else tls_pem
        if not pem:
            raise Refusal(401, "a device certificate is required")
        return self._checked(pem.replace("\t", "\n"), production=not in_header)

    def _checked(self, pem: str, *, production: bool) -> str:
        try:
            leaf = load_certificate(pem.encode(), "the device's certificate")
            device_id, environment = read_identity(leaf, "the device's certificate")
            now = dt.datetime.now(dt.UTC)
            verify_chain(leaf, trusted_cas(self._ca_bundle), now, "the device's certificate")
        except InvalidCredentials as error:
            raise Refusal(403, error.detail) from error
        if (environment is Environment.PRODUCTION) is not production:
            raise Refusal(403, "the certificate is for another environment")
        return device_id
