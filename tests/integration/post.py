"""People and their mail, as duewatch meets them: their provider (OpenDKIM signs), our Postfix (OpenDKIM verifies), their
Maildirs there, and our own box in Dovecot.

    with Post(certificate, {"alice@a.example.com": "alice"}) as post:
        post.mta.port                                               # the relay for duewatch's config (late: it bounces)
        mail = post.got("alice", "2341")                            # what she got about an order
        post.reply("alice@a.example.com", mail, "ack 2d")           # she answers it
        post.comes()                                                # the next mail in our box
"""

import contextlib
import email.message
import email.policy
import email.utils

import dovecot
import opendkim
import postfix
from dovecot import Dovecot
from harness import parse, text_of, until
from opendkim import OpenDKIM
from postfix import Postfix

US, HOST, PASSWORD = "duewatch@d.example.com", "mx.d.example.com", "correct horse"


def why_not():
    """Why it can't run here, or None."""
    return next((w for w in (dovecot.why_not(), opendkim.why_not(), postfix.why_not()) if w), None)


class Post:
    def __init__(self, certificate, persons, us=US, host=HOST, oauth=None):
        """persons: {address: Maildir}; their domains sign. host: the one whose Authentication-Results count."""
        self.certificate, self.persons, self.us, self.host, self.oauth = certificate, persons, us, host, oauth
        self.seen = 0

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.box = stack.enter_context(Dovecot(*self.certificate, {self.us: PASSWORD}, oauth=self.oauth))
            self.dkim = stack.enter_context(OpenDKIM(self.host, sorted({a.split("@")[1] for a in self.persons})))
            self.mta = stack.enter_context(Postfix(self.persons, *self.certificate, lmtp={self.us: self.box.lmtp}, dkim=self.dkim))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def comes(self):
        """The next mail in our box."""
        def there():
            mails = self.box.mails(self.us)
            return mails[self.seen:] or None
        (_, _, data), *_ = until(there, "a mail in the box; postfix says:\n%s" % self.mta.log()[-3000:], 30)
        self.seen += 1
        return parse(data)

    def got(self, box, order, n=1):
        """The n-th mail about an order in a person's Maildir, oldest first."""
        def there():
            mails = [m for m in map(parse, self.mta.mails(box)) if order in (m.get_all("X-Duewatch-Order") or [])]
            mails.sort(key=lambda m: m["Date"].datetime)
            return mails[n - 1] if len(mails) >= n else None
        return until(there, "%s's mail %d about %s; postfix says:\n%s" % (box, n, order, self.mta.log()[-3000:]), 30)

    def reply(self, sender, mail, text, to=None, **headers):
        """Answers a mail as a mail program does: in its thread, it quoted below, signed by the sender's provider."""
        quoted = "".join("> %s\n" % line for line in text_of(mail).splitlines())
        to = to or (mail["Reply-To"] or mail["From"]).addresses[0].addr_spec
        answer = written(sender, to, "%s\n\nOn %s, Duewatch wrote:\n%s" % (text, mail["Date"], quoted), subject="Re: %s" % mail["Subject"],
                         In_Reply_To=mail["Message-ID"], References=" ".join(filter(None, (mail["References"], mail["Message-ID"]))),
                         **headers)
        self.mta.send(self.mta.outgoing, sender, to, answer)

    def results(self, mail):
        """The Authentication-Results of our host."""
        return [" ".join(v.split()) for v in mail.get_all("Authentication-Results", []) if v.split(";")[0].strip() == self.host]


def written(sender, to, text, subject="Re: Ship date has passed", **headers):
    """A person's mail, bytes. headers: In_Reply_To="<…>"."""
    mail = email.message.EmailMessage(policy=email.policy.SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Message-ID"], mail["Date"] = email.utils.make_msgid(domain=sender.split("@")[1]), email.utils.localtime()
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()
