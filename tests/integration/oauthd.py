"""A token server for tests (RFC 6749 §5, RFC 7636, RFC 8628): plays refresh, rotation, refusal, and everything a server on
the way may do instead of answering.

    with TokenServer(rotate=True) as t:             # t.url: …/token, t.device_url, t.authorize_url
        t.grant("first")                            # a refresh token it knows
        t.script.append((503, {}, "busy"))          # one answer, then as usual: (status, headers, body), "hang", "cut",
                                                    # ("slow", seconds) or a function of the form
        t.asked                                     # the forms that came, in order
        t.valid                                     # the access tokens that are good now: a list that SmtpServer.users may hold

refuse: what every refresh is answered with: "invalid_grant". A refresh token that was replaced is refused, with strict."""

import base64
import hashlib
import http.server
import json
import ssl
import threading
import time
import urllib.parse


class TokenServer:
    def __init__(self, rotate=False, strict=True, life=3600, secret=None, cert=None, key=None, more=None):
        self.rotate, self.strict, self.life, self.secret, self.more = rotate, strict, life, secret, dict(more or {})
        self.refresh, self.asked, self.script, self.refuse = set(), [], [], None
        self.count, self.latest, self.on_access = 0, None, None
        self.codes = {}             # code: (challenge, redirect)
        self.device = {"pending": 0, "agreed": True}
        self._lock = threading.Lock()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                form = {k: v[0] for k, v in urllib.parse.parse_qs(
                    self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()).items()}
                server.answer(self, form)

            def log_message(self, *_):
                pass

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        if cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.port = self._http.server_address[1]
        self.base = "%s://127.0.0.1:%d" % ("https" if cert else "http", self.port)
        self.url, self.device_url, self.authorize_url = self.base + "/token", self.base + "/device", self.base + "/authorize"
        self.stopping = threading.Event()

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()

    def grant(self, token):
        self.refresh.add(token)
        return token

    def code(self, url):
        """As if somebody had opened the address and agreed: the address the browser is sent to."""
        q = {k: v[0] for k, v in urllib.parse.parse_qs(urllib.parse.urlparse(url).query).items()}
        assert q["response_type"] == "code" and q["code_challenge_method"] == "S256", q
        code = "code-%d/+ %%" % len(self.codes)
        code = code.replace(" ", "")
        self.codes[code] = (q["code_challenge"], q["redirect_uri"])
        return q, q["redirect_uri"] + "/?" + urllib.parse.urlencode({"code": code, "state": q["state"]})

    # answers

    def access(self):
        self.count += 1
        self.latest = "access-%d-%s" % (self.count, "x" * 40)
        if self.on_access:
            self.on_access(self.latest)
        return self.latest

    def tokens(self, refresh=None):
        body = {"access_token": self.access(), "token_type": "Bearer", "expires_in": self.life, "scope": "mail", **self.more}
        if refresh:
            body["refresh_token"] = refresh
        return 200, {}, body

    def usual(self, path, form):
        if self.secret is not None and form.get("client_secret") != self.secret:
            return 401, {}, {"error": "invalid_client"}
        if path == "/device":
            return 200, {}, {"device_code": "device-1", "user_code": "WDJB-MJHT", "verification_uri": "https://login.example.com/device",
                             "expires_in": 60, "interval": 1}
        kind = form.get("grant_type")
        if kind == "refresh_token":
            if self.refuse:
                return 400, {}, {"error": self.refuse, "error_description": "AADSTS70008: the grant is no more.\r\nTrace: 1"}
            old = form.get("refresh_token")
            if old not in self.refresh:
                return 400, {}, {"error": "invalid_grant"}
            if not self.rotate:
                return self.tokens()
            if self.strict:
                self.refresh.discard(old)
            return self.tokens(self.grant("refresh-%d" % (self.count + 1)))
        if kind == "authorization_code":
            challenge, redirect = self.codes.pop(form.get("code"), (None, None))
            sum_ = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).decode().rstrip("=")
            if challenge != sum_ or redirect != form.get("redirect_uri"):
                return 400, {}, {"error": "invalid_grant"}
            return self.tokens(self.grant("granted-%d" % (self.count + 1)))
        if kind == "urn:ietf:params:oauth:grant-type:device_code":
            if self.device["pending"] > 0:
                self.device["pending"] -= 1
                return 400, {}, {"error": "authorization_pending"}
            if not self.device["agreed"]:
                return 400, {}, {"error": "access_denied"}
            return self.tokens(self.grant("granted-%d" % (self.count + 1)))
        return 400, {}, {"error": "unsupported_grant_type"}

    def answer(self, handler, form):
        with self._lock:
            self.asked.append(form)
            step = self.script.pop(0) if self.script else None
            if callable(step):
                step = step(form)
            if step is None or step[0] == "slow":
                status, headers, body = self.usual(handler.path, form)
            elif step not in ("hang", "cut"):
                status, headers, body = step
        if step == "hang":
            self.stopping.wait(60)
        if step in ("hang", "cut"):
            handler.close_connection = True
            handler.connection.close()
            return
        if step and step[0] == "slow":
            time.sleep(step[1])
        data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        try:
            handler.send_response(status)
            for name, value in {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(data)), **headers}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(data)
        except OSError:
            handler.close_connection = True
