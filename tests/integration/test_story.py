"""The whole of it by replies only (story.py), with a daemon from the build; and what the post office sends back."""

import json

import pytest
from harness import late, text_of
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


def test_a_mail_that_comes_back(work, certificate):
    """The relay takes it and sends a bounce afterwards, as most do: the deputy gets the step, with the reason."""
    secret = work.folder / "imap-password"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    with Post(certificate, PEOPLE) as post:
        text = config(post, "state", work.inbox, certificate[0]).replace(":%d" % post.mta.port, ":%d" % post.mta.late)
        text += 'ladders = ( { kind = "overdue"; steps = [ "due!: owner" ]; } );'
        work.write(work.conf, text.replace("people = (", 'people = ( { name = "joe"; email = "joe@a.example.com"; deputy = "ann"; },'))
        work.started()
        work.csv([late("B1", "joe")])
        mail = post.got("ann", "B1")
        said = " ".join(text_of(mail).split())
        assert "This was for joe, whose address joe@a.example.com the mail server refuses" in said and "unknown" in said.lower()
        assert [d["address"] for d in json.loads(work.tool("status", "--json"))["dead_addresses"]] == ["joe@a.example.com"]
