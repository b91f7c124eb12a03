"""A page and an API of another origin, on loopback. The page asks for what fails in several ways, one request
after the other; then its title is "done". Prints where they are, and ends with its standard input."""

import http.server
import json
import socketserver
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, fields, body=b'{"a":1}', kind="application/json"):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 204 and self.command != "HEAD":
            self.wfile.write(body)

    def any(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.split("?")[0]
        is_preflight = self.command == "OPTIONS"
        allow = ("Access-Control-Allow-Origin", self.headers.get("origin") or "")
        put = ("Access-Control-Allow-Methods", "PUT")
        if path in ("/", "/favicon.ico"):
            return self.answer(200, [], PAGE, "text/html")
        if path == "/allowed":
            return self.answer(200, [allow, ("Vary", "Origin")])
        if path == "/missing":
            return self.answer(200, [])
        if path == "/wildcard":
            return self.answer(200, [("Access-Control-Allow-Origin", "*")])
        if path == "/put405":
            return self.answer(405 if is_preflight else 200, [])
        if path == "/put" and is_preflight:
            return self.answer(204, [allow, put, ("Access-Control-Allow-Headers", "content-type")])
        if path == "/header" and is_preflight:
            return self.answer(204, [allow, put])
        if path in ("/put", "/header"):
            return self.answer(200, [allow])
        if path == "/redirect":
            return self.answer(302, [allow, ("Location", "/allowed")], b"")
        return self.answer(404, [])

    do_GET = do_PUT = do_OPTIONS = do_POST = do_HEAD = any


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


api, app, closed = (Server(("127.0.0.1", 0), Handler) for _ in range(3))
dead = closed.server_address[1]
closed.server_close()
API = f"http://127.0.0.1:{api.server_address[1]}"
PAGE = f"""<!doctype html><title>start</title><script>
const api = '{API}';
const ask = async (...asked) => {{ try {{ await (await fetch(...asked)).text(); }} catch {{}} }};
const go = async () => {{
  await ask(api + '/allowed');
  await ask(api + '/missing');
  await ask(api + '/wildcard', {{ credentials: 'include' }});
  await ask(api + '/put405', {{ method: 'PUT' }});
  await ask(api + '/put', {{ method: 'PUT', headers: {{ 'content-type': 'application/json' }}, body: '1' }});
  await ask(api + '/header', {{ method: 'PUT', headers: {{ 'x-token': '1' }} }});
  await ask(api + '/redirect');
  await ask('http://127.0.0.1:{dead}/gone');
  await ask(api + '/allowed', {{ mode: 'no-cors' }});
  document.title = 'done';
}};
addEventListener('load', () => setTimeout(go, 50));
</script>""".encode()
for server in (api, app):
    threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"page": f"http://localhost:{app.server_address[1]}/", "api": API}), flush=True)
sys.stdin.read()
