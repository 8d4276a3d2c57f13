"""The story duewatch is for, played by a seller who has no terminal: from the first slip to "filed" and "delivered", by
replies only. Around the daemon: a real Postfix (its relay, and the people's mail server), OpenDKIM (who signs, who
verifies) and Dovecot (the mailbox answers come to). Two people, one in English, one in Chinese.

test_story.py plays it with a daemon from the build; tests/container.sh with the installed service in a booted Debian:

    story.py CONFIG INBOX COMMAND…      writes both, starts the service by COMMAND, prints a line for each step"""

import csv
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse
from html import unescape

from harness import day, parse, text_of, until
from post import HOST, PASSWORD, US, Post, written
from smtpd import make_cert

COLUMNS = ["order_id", "status", "promised_at", "shipped_at", "transport", "expected_arrival_at", "delivered_at", "owner", "buyer",
           "amount", "currency"]
CONFIG = """
timezone = "Asia/Shanghai"; state = "%(state)s"; daily_at = "off";
default_owner = "ann"; default_deputy = "ann"; default_manager = "ann";
mail = { transport = "smtp://127.0.0.1:%(relay)d"; ca_file = "%(ca)s"; from = "Duewatch <%(us)s>"; };
replies = { mailbox = "imaps://127.0.0.1:%(imaps)d/INBOX"; username = "%(us)s"; password_file = "imap-password"; ca_file = "%(ca)s";
  every = "1s"; authserv = "%(host)s"; };
people = (
  { name = "ann"; email = "ann@a.example.com"; },
  { name = "li";  email = "li@l.example.com"; language = "zh-CN"; }
);
feeds = ( { name = "shop"; type = "csv"; path = "%(inbox)s"; platform = "alibaba"; timezone = "America/Los_Angeles"; every = "5s"; } );
"""


class Seller:
    """What a person sees and writes: mails."""

    def __init__(self, post, name, address, order, words):
        self.post, self.name, self.address, self.order, self.words = post, name, address, order, words
        self.read = set()

    def _new(self, wanted, what):
        def there():
            for data in self.post.mta.mails(self.name):
                mail = parse(data)
                if mail["Message-ID"] not in self.read and self.order in (mail.get_all("X-Duewatch-Order") or []) and wanted(mail):
                    return mail
            return None
        mail = until(there, "%s's %s about %s; there are %s" % (self.name, what, self.order, [
            (m["Subject"], m.get_all("X-Duewatch-Kind")) for m in map(parse, self.post.mta.mails(self.name))]), 60)
        self.read.add(mail["Message-ID"])
        return mail

    def told(self, kind):
        return self._new(lambda m: kind in (m.get_all("X-Duewatch-Kind") or []) and m["Auto-Submitted"] == "auto-generated"
                         and "resolved" not in m.get_all("X-Duewatch-Step"), "mail of kind " + kind)

    def good_news(self):
        return self._new(lambda m: "resolved" in (m.get_all("X-Duewatch-Step") or []), "good news")

    def answered(self):
        return self._new(lambda m: m["Auto-Submitted"] == "auto-replied", "answer")

    def writes(self, mail, verb, date=""):
        """In a mail program, above what is quoted."""
        self.post.reply(self.address, mail, "%s %s" % (self.words[verb], date))

    def clicks(self, mail, verb, date):
        """On the mail's own link, from a telephone whose provider signs nothing; the date in it is hers to change."""
        html = mail.get_body(("html",)).get_content()
        links = [urllib.parse.urlsplit(unescape(u)) for u in re.findall(r'href="(mailto:[^"]+)"', html)]
        query = next(q for q in (urllib.parse.parse_qs(u.query) for u in links) if q["body"][0].startswith(verb))
        self.post.mta.send(self.post.mta.mx, self.address, US, written(self.address, US, "%s %s" % (verb, date), subject=query["subject"][0]))


EN = {"ship": "ship", "filed": "filed", "ack": "ack", "answer": "Order", "extend": "Extend the ship date", "done": "settled"}
ZH = {"ship": "预计发货", "filed": "已提交延期", "ack": "收到", "answer": "订单", "extend": "延长发货", "done": "无需"}


class Story:
    def __init__(self, post, inbox, say=print):
        self.post, self.inbox, self.say = post, pathlib.Path(inbox), say
        self.sellers = [Seller(post, "ann", "ann@a.example.com", "234100000000000101", EN),
                        Seller(post, "li", "li@l.example.com", "234100000000000102", ZH)]
        self.exports = 0

    def export(self, **facts):
        """What the platform's export says of both orders now; dropped where the seller always drops it."""
        self.exports += 1
        part = self.inbox / ".export"
        with open(part, "w", newline="") as f:
            out = csv.DictWriter(f, COLUMNS, restval="")
            out.writeheader()
            for s in self.sellers:
                out.writerow({"order_id": s.order, "owner": s.name, "buyer": "ACME", "amount": "12400.00", "currency": "USD", **facts})
        os.chmod(part, 0o644)
        part.rename(self.inbox / ("export-%d.csv" % self.exports))

    def slip(self):
        """A week to go, and nobody has said that it will leave. It won't: she says when."""
        for s in self.sellers:
            mail = s.told("confirm_ship_date")
            s.writes(mail, "ship", day(20))
            answer = s.answered()
            assert s.words["answer"] in text_of(answer) and day(20) in text_of(answer), text_of(answer)
            self.say("%s: asked, and the new date is understood" % s.name)

    def file(self):
        """Now she is told to file it, with a date and a text for the buyer; she does so on the platform, and says so."""
        for s in self.sellers:
            mail = s.told("extend_ship_date")
            assert s.words["extend"] in mail["Subject"], mail["Subject"]
            text = text_of(mail)
            assert "Dear ACME" in text, "the buyer reads English"
            proposed = max(re.findall(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", text))
            assert proposed > day(20)
            if s.words is EN:
                s.clicks(mail, "filed", proposed)
            else:
                s.writes(mail, "filed", proposed)
            assert proposed in text_of(s.answered())
            s.filed = proposed
            self.say("%s: told to file %s, and filed" % (s.name, proposed))

    def ship(self):
        """The buyer has confirmed, the goods have left, and will be at sea beyond the platform's timer."""
        self.export(status="awaiting_shipment", promised_at=max(s.filed for s in self.sellers))
        self.export(status="shipped", promised_at=max(s.filed for s in self.sellers), shipped_at=day(-1), transport="express",
                    expected_arrival_at=day(40))
        for s in self.sellers:
            mail = s.told("extend_receipt")
            s.writes(mail, "ack")
            assert s.words["answer"] in text_of(s.answered())
            self.say("%s: told of the platform's timer, and on it" % s.name)

    def arrive(self):
        self.export(status="delivered", promised_at=max(s.filed for s in self.sellers), shipped_at=day(-1), transport="express",
                    expected_arrival_at=day(40), delivered_at=day(0))
        for s in self.sellers:
            mail = s.good_news()
            assert s.words["done"] in mail["Subject"] + text_of(mail), text_of(mail)
            self.say("%s: delivered, nothing more to do" % s.name)

    def play(self, start):
        self.export(status="awaiting_shipment", promised_at=day(7))     # whatever the hour: the first reminder is due
        start()
        for part in (self.slip, self.file, self.ship, self.arrive):
            part()


PEOPLE = {"ann@a.example.com": "ann", "li@l.example.com": "li"}


def config(post, state, inbox, ca):
    return CONFIG % {"state": state, "inbox": inbox, "ca": ca, "relay": post.mta.port, "imaps": post.box.imaps, "us": US, "host": HOST}


def main(conf, inbox, *command):
    """As root, where the package is installed."""
    conf = pathlib.Path(conf)
    with tempfile.TemporaryDirectory() as folder, Post(make_cert(folder, "127.0.0.1"), PEOPLE) as post:
        ca, secret = conf.parent / "story-ca.pem", conf.parent / "imap-password"
        ca.write_bytes(pathlib.Path(post.certificate[0]).read_bytes())
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o600)
        conf.write_text(config(post, "/var/lib/duewatch", inbox, ca))
        Story(post, inbox, lambda line: print(line, flush=True)).play(lambda: subprocess.run(command, check=True, timeout=60))


if __name__ == "__main__":
    main(*sys.argv[1:])
