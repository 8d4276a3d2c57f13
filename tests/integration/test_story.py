"""The whole of it by replies only (story.py), with a daemon from the build."""

import pytest
from post import PASSWORD, Post, why_not
from story import PEOPLE, Story, config

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


def test_from_the_first_slip_to_delivered(work, certificate):
    secret = work.folder / "imap-password"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    with Post(certificate, PEOPLE) as post:
        work.write(work.conf, config(post, "state", work.inbox, certificate[0]))
        Story(post, work.inbox).play(lambda: work.daemon().ready())
