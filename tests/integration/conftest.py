import os
import pathlib
import shutil
import tempfile

import pytest
from harness import WRAP, Shop
from smtpd import SmtpServer, make_cert


@pytest.fixture
def work(tmp_path):
    """A shop; afterwards its daemons are ended and their logs looked through for sanitizers' reports."""
    shop = Shop(tmp_path)
    yield shop
    shop.close()


@pytest.fixture
def nobody():
    """A shop of a user to whom permissions mean something, in a folder that he can reach and that root made: one of his
    right in /tmp could be anybody's trap."""
    if WRAP:
        pytest.skip("whoever wraps the daemon chooses its user")
    outer = pathlib.Path(tempfile.mkdtemp(prefix="duewatch-machine-"))
    outer.chmod(0o755)
    folder = outer / "shop"
    folder.mkdir()
    shop = Shop(folder)
    shop.state.mkdir(0o700)
    for path in (folder, shop.state, shop.inbox):
        os.chown(path, 65534, 65534)
    shop.conf.chmod(0o644)
    yield shop
    shop.close()
    shutil.rmtree(outer)


@pytest.fixture
def relay(tmp_path):
    with SmtpServer(str(tmp_path / "relay")) as s:
        yield s


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """(certificate, key) of a relay at 127.0.0.1; the certificate is its own CA."""
    return make_cert(str(tmp_path_factory.mktemp("tls")), "127.0.0.1")
