"""Authentication-Results as we read it (tests/contract/authres.c with "-"), against Debian's python3-authres."""
import os
import random
import subprocess

import authres
import pytest
from authres.dmarc import DMARCAuthenticationResult as DMARC

from harness import BUILD

HOSTS = ["mx.example.net", "mail.example.org"]
DOMAINS = ["example.com", "shop.example.com", "evil.example"]


def results(rng):
    out = []
    for _ in range(rng.randint(0, 4)):
        domain = rng.choice(DOMAINS)
        kind = rng.choice(["dkim", "spf", "dmarc", "auth"])
        result = rng.choice(["pass", "fail", "none", "neutral", "temperror", "policy"])
        if kind == "dkim":
            out.append(authres.DKIMAuthenticationResult(
                result=result, result_comment=rng.choice([None, "2048-bit key", "a (nested) one; x=y"]),
                reason=rng.choice([None, "good signature", "semi;colon"]),
                header_d=rng.choice([None, domain]), header_i=rng.choice([None, "@" + domain, "bo@" + domain])))
        elif kind == "spf":
            sender = rng.choice([None, domain, "bo@" + domain])
            out.append(authres.SPFAuthenticationResult(
                result=result, smtp_mailfrom=sender,
                smtp_mailfrom_comment=sender and rng.choice([None, "sender; dmarc=pass"])))
        elif kind == "dmarc":
            out.append(DMARC(
                result=result, result_comment=rng.choice([None, "p=REJECT"]), header_from=rng.choice([None, domain])))
        else:
            out.append(authres.SMTPAUTHAuthenticationResult(result=result, smtp_auth="bo@" + domain))
    return out


def prop(result, ptype, name):
    for p in result.properties:
        if p.type == ptype and p.name == name:
            return p.value.lower()
    return ""


def theirs(field):
    """What authres makes of the field, in our program's words."""
    try:
        header = authres.AuthenticationResultsHeader.parse("Authentication-Results: " + field)
    except (authres.core.SyntaxError, authres.core.AuthResError):
        return None
    words = [f"{len(header.results)} {header.authserv_id.lower()}"]
    for r in header.results:
        words.append(f"{r.method}={r.result} from={prop(r, 'header', 'from')} d={prop(r, 'header', 'd')} "
                     f"i={prop(r, 'header', 'i')} mailfrom={prop(r, 'smtp', 'mailfrom')}")
    return "|".join(words)


def ours(fields):
    out = subprocess.run([os.path.join(BUILD, "tests", "contract-authres"), "-"], input="\n".join(fields) + "\n",
                         capture_output=True, text=True, timeout=60, check=True)
    return out.stdout.split("\n")[:-1]


@pytest.mark.parametrize("seed", range(4))
def test_what_authres_writes_we_read(seed):
    rng = random.Random(seed)
    fields, want = [], []
    for _ in range(500):
        header = authres.AuthenticationResultsHeader(authserv_id=rng.choice(HOSTS), results=results(rng))
        field = str(header).split(":", 1)[1].replace("\r\n", " ").replace("\n", " ")
        seen = theirs(field)
        if seen is not None:
            fields.append(field)
            want.append(seen)
    assert len(fields) > 300
    for field, a, b in zip(fields, ours(fields), want):
        assert a == b, field


def test_what_we_read_of_a_damaged_field_authres_reads_alike():
    """Fields with a character gone, doubled or changed: where we find results, authres finds the same."""
    rng = random.Random(4711)
    fields = []
    for _ in range(3000):
        field = str(authres.AuthenticationResultsHeader(authserv_id="mx.example.net", results=results(rng))).split(":", 1)[1]
        field = field.replace("\r\n", " ").replace("\n", " ")
        i = rng.randrange(len(field))
        field = field[:i] + rng.choice(["", field[i] * 2, "(", ")", '"', ";", "=", " ", "\\"]) + field[i + 1:]
        fields.append(field)
    both = strict = 0
    for field, got in zip(fields, ours(fields)):
        seen = theirs(field)
        if got.startswith("-"):
            strict += 1
            continue
        if seen is None:
            continue  # looser than authres: counted nowhere, vouching is what the contract test looks at
        both += 1
        assert got == seen, field
    assert both > 500 and strict > 100
