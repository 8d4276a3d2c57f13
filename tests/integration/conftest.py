import pytest
from harness import Shop
from smtpd import SmtpServer, make_cert


@pytest.fixture
def work(tmp_path):
    """A shop; afterwards its daemons are ended and their logs looked through for sanitizers' reports."""
    shop = Shop(tmp_path)
    yield shop
    shop.close()


@pytest.fixture
def relay(tmp_path):
    with SmtpServer(str(tmp_path / "relay")) as s:
        yield s


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """(certificate, key) of a relay at 127.0.0.1; the certificate is its own CA."""
    return make_cert(str(tmp_path_factory.mktemp("tls")), "127.0.0.1")
