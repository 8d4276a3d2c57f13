"""The real Postfix as the relay: STARTTLS with an own CA, names in UTF-8, an unknown user, the queue id as a receipt."""

import re

import pytest
from harness import late, parse, text_of, until
from postfix import Postfix, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


@pytest.fixture(scope="module")
def postfix(certificate):
    boxes = {"alice@a.example.com": "alice", "bo@b.example.com": "bo", "chen@c.example.com": "chen",
             "ops@o.example.com": "ops"}
    with Postfix(boxes, *certificate) as p:
        yield p


@pytest.fixture
def shop(work, postfix, certificate):
    work.config(transport="smtp://127.0.0.1:%d" % postfix.port, mail='ca_file = "%s";' % certificate[0])
    return work


def delivered(postfix, box, order):
    def there():
        for data in postfix.mails(box):
            mail = parse(data)
            if order in (mail.get_all("X-Duewatch-Order") or []):
                return mail
        return None
    return until(there, "%s's mail about %s; postfix says:\n%s" % (box, order, postfix.log()[-3000:]), 30)


def test_delivered_with_tls(shop, postfix):
    shop.started()
    shop.csv([late("P1", "alice", "广州示例贸易 Ünïcode GmbH")])
    mail = delivered(postfix, "alice", "P1")
    assert "with ESMTPS" in mail["Received"] and "TLSv1." in mail["Received"]
    assert "广州示例贸易 Ünïcode GmbH" in mail["Subject"]
    assert "广州示例贸易 Ünïcode GmbH" in text_of(mail)
    assert mail["Return-Path"] == "<duewatch@example.com>"
    (row,) = shop.wait_outbox(2)
    queue_id = re.search(r"queued as (\w+)", row[5]).group(1)
    assert queue_id in mail["Received"], "the receipt is the queue id"
    assert "%s: to=<alice@a.example.com>" % queue_id in postfix.log()
    assert mail["Message-ID"] == "<%s>" % row[2]


def test_name_of_a_person_in_utf8(shop, postfix):
    text = shop.conf.read_text().replace('name = "bo"; ', 'name = "薄"; ').replace('deputy = "bo"', 'deputy = "薄"')
    shop.write(shop.conf, text)
    shop.started()
    shop.csv([late("P2", "薄")])
    mail = delivered(postfix, "bo", "P2")
    assert mail["To"].addresses[0].display_name == "薄"


def test_unknown_user_goes_to_the_deputy(shop, postfix):
    shop.write(shop.conf, shop.conf.read_text().replace("alice@a.example.com", "gone@a.example.com"))
    shop.started()
    shop.csv([late("P3"), late("P4", "chen")])
    mail = delivered(postfix, "bo", "P3")
    text = " ".join(text_of(mail).split())
    assert "gone@a.example.com" in text and "User unknown" in text
    delivered(postfix, "chen", "P4")
    (row,) = shop.outbox("alice")
    assert row[1] == 4 and "5.1.1" in row[5]


def test_many_on_one_connection(shop, postfix):
    """Connections are kept: Postfix sees few of them, and each mail once."""
    shop.started()
    for i in range(12):
        shop.csv([late("Q%d" % k, "chen") for k in range(i + 1)])
        delivered(postfix, "chen", "Q%d" % i)
    shop.wait_outbox(2, 12)
    queued = [row[2] for row in shop.outbox()]
    got = [parse(data)["Message-ID"].strip("<>") for data in postfix.mails("chen")]
    assert all(got.count(ident) == 1 for ident in queued)
