"""The host private.test, behind a proxy on a port of this machine: it has a Go module for whoever knows the password.

    private_modules.py PORT CERTIFICATE

What `https://private.test/words?go-get=1` says needs the password. It leads to the module itself, which has none, as
Go gives passwords to https alone.
"""

import base64
import http.server
import io
import ssl
import sys
import zipfile

MODULE, VERSION = "private.test/words", "v1.0.0"
PASSWORD = "Basic " + base64.b64encode(b"user:secret").decode()
FILES = {
    "go.mod": "module private.test/words\n\ngo 1.24\n",
    "words.go": "// Package words is private.\npackage words\n\nconst Secret = 1\n",
}


def archive():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as written:
        for name, text in FILES.items():
            written.writestr(f"{MODULE}@{VERSION}/{name}", text)
    return content.getvalue()


META = f'<meta name="go-import" content="{MODULE} mod http://private.test/modules">'
ANSWERS = {
    f"/modules/{MODULE}/@v/{VERSION}.info": f'{{"Version": "{VERSION}"}}'.encode(),
    f"/modules/{MODULE}/@v/{VERSION}.mod": FILES["go.mod"].encode(),
    f"/modules/{MODULE}/@v/{VERSION}.zip": archive(),
}


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self):
        if self.path != "private.test:443":
            return self.answer(502, b"unknown host")
        self.send_response(200)
        self.end_headers()
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_GET(self):
        path = self.path.removeprefix("http://private.test")
        if path in ANSWERS:
            return self.answer(200, ANSWERS[path])
        if path != "/words?go-get=1":
            return self.answer(404, b"not found")
        if self.headers.get("Authorization") != PASSWORD:
            return self.answer(401, b"who are you?")
        self.answer(200, META.encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2])
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Proxy).serve_forever()
