"""Clients of a proxy: each scenario opens what it needs, checks what it gets, and closes it."""
import asyncio, base64, os, random, ssl, struct, socket, time

import h2.config, h2.connection, h2.errors, h2.events, h2.settings

from origin_pattern import body_of

API, UNREAD = "api.soak.test", "unread.example"
# Longer than anything here takes: who waits so long waits in vain.
PATIENCE = 30
BROWSER = ("User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 "
           "Safari/537.36\r\nSec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"
           "Origin: https://app.soak.test\r\nReferer: https://app.soak.test/\r\nAccept: */*\r\n"
           "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en\r\n")


class Wrong(Exception):
    """something came that should not have"""


class Net:
    """where everything is, and what was seen"""

    def __init__(self, proxy, tls_port, plain_port, dead_port, proxy_ca, origin_ca):
        self.proxy, self.tls_port, self.plain_port, self.dead_port = proxy, tls_port, plain_port, dead_port
        self.read = context(proxy_ca)
        self.unread = context(origin_ca)
        self.requests = 0


def context(ca):
    made = {}
    for alpn in ("http/1.1", "h2"):
        made[alpn] = ssl.create_default_context(cafile=ca)
        made[alpn].set_alpn_protocols([alpn])
    return made


class Line:
    """a connection through the proxy"""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def plain(cls, net):
        return cls(*await asyncio.open_connection(*net.proxy))

    @classmethod
    async def tunnel(cls, net, host, contexts, alpn="http/1.1"):
        line = await cls.plain(net)
        try:
            line.writer.write(f"CONNECT {host}:{net.tls_port} HTTP/1.1\r\nHost: {host}:{net.tls_port}\r\n\r\n".encode())
            head = await line.reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise ConnectionError(head.split(b"\r\n")[0].decode())
            await line.writer.start_tls(contexts[alpn], server_hostname=host)
        except BaseException:
            line.abort()
            raise
        return line

    async def ask(self, method, target, host, body=b"", more=""):
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        self.writer.write(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{BROWSER}{length}{more}\r\n".encode() + body)
        await self.writer.drain()

    async def head(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        start, *lines = head.split("\r\n")[:-2]
        fields = dict(line.split(": ", 1) for line in lines if ": " in line)
        return int(start.split(" ")[1]), {name.lower(): value for name, value in fields.items()}

    async def answer(self):
        status, fields = await self.head()
        if fields.get("transfer-encoding") == "chunked":
            content = b""
            while size := int(await self.reader.readline(), 16):
                content += await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readexactly(2)
        else:
            content = await self.reader.readexactly(int(fields.get("content-length", 0)))
        return status, content

    async def close(self):
        self.writer.close()

    def abort(self):
        """so that the proxy sees a broken connection"""
        try:
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        except (OSError, AttributeError):
            pass


def expect(what, got, wanted):
    if got != wanted:
        raise Wrong(f"{what}: {str(got)[:80]} and not {str(wanted)[:80]}")


async def conversation(net, line, target, host):
    """a page with its requests, on one connection"""
    for _ in range(random.randint(3, 12)):
        net.requests += 1
        match random.randrange(6):
            case 0:
                await line.ask("GET", target("/bare/a"), host)
                expect("bare", await line.answer(), (200, body_of(1024)))
            case 1:
                more = "Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: content-type\r\n"
                await line.ask("OPTIONS", target("/cors/put"), host, more=more)
                expect("preflight", (await line.answer())[0], 204)
                await line.ask("PUT", target("/echo"), host, b"{}" * 50, "Content-Type: application/json\r\n")
                expect("put", await line.answer(), (200, b"100"))
                net.requests += 1
            case 2:
                size = random.choice([10, 5000, 200_000])
                await line.ask("GET", target(f"/bytes/{size}"), host)
                expect("bytes", await line.answer(), (200, body_of(size)))
            case 3:
                await line.ask("GET", target("/sse"), host)
                status, content = await line.answer()
                expect("events", (status, content.count(b"data:")), (200, 10))
            case _:
                await line.ask("GET", target("/cors/a"), host, more="Cookie: session=1\r\n")
                expect("cors", await line.answer(), (200, body_of(1024)))


async def http1(net):
    line = await Line.tunnel(net, API, net.read)
    await conversation(net, line, lambda path: path, f"{API}:{net.tls_port}")
    await line.close()


async def plain(net):
    line = await Line.plain(net)
    host = f"{API}:{net.plain_port}"
    await conversation(net, line, lambda path: f"http://{host}{path}", host)
    await line.close()


async def unread(net):
    line = await Line.tunnel(net, UNREAD, net.unread)
    await conversation(net, line, lambda path: path, f"{UNREAD}:{net.tls_port}")
    await line.close()


async def faults(net):
    """the server breaks off, falls silent, or never answers; or the client goes"""
    path = random.choice(["/reset", "/truncate", "/stall", "/silent", "/bytes/5000000"])
    line = await Line.tunnel(net, API, net.read)
    net.requests += 1
    await line.ask("GET", path, f"{API}:{net.tls_port}")
    if path in ("/reset", "/truncate"):
        try:
            content = (await line.answer())[1]
        except (OSError, EOFError, ssl.SSLError):
            return line.abort()
        raise Wrong(f"{path}: {len(content)} octets came in good order")
    if path != "/silent":
        expect(path, (await line.head())[0], 200)
    await asyncio.sleep(random.random() / 2)
    if random.random() < 0.5:
        line.abort()
    else:
        await line.close()


async def websocket(net):
    line = await Line.tunnel(net, API, net.read)
    key = base64.b64encode(os.urandom(16)).decode()
    more = (f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n")
    await line.ask("GET", "/ws", f"{API}:{net.tls_port}", more=more)
    net.requests += 1
    expect("upgrade", (await line.head())[0], 101)
    for number in range(random.randint(5, 30)):
        text = os.urandom(random.choice([1, 100, 5000]))
        size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
        line.writer.write(b"\x82" + size + b"\0\0\0\0" + text)
        await line.writer.drain()
        _, length = await line.reader.readexactly(2)
        if length == 126:
            length = int.from_bytes(await line.reader.readexactly(2), "big")
        expect("echo", await line.reader.readexactly(length), text)
        await asyncio.sleep(0.02)
    if random.random() < 0.5:
        line.writer.write(b"\x88\x80\0\0\0\0")
        expect("close", await line.reader.readexactly(2), b"\x88\0")
    await line.close()


async def dead(net):
    """a server that is not there: a page gets 502, a script's request a close without an answer"""
    line = await Line.plain(net)
    target = f"http://{API}:{net.dead_port}/"
    await line.ask("GET", target, f"{API}:{net.dead_port}")
    net.requests += 1
    octets = await line.reader.read()
    expect("a dead server", octets, b"")
    await line.close()


class Http2:
    """a client of HTTP/2 with some streams at once"""

    def __init__(self, net, line):
        self.net, self.line = net, line
        config = h2.config.H2Configuration(client_side=True, header_encoding="latin-1")
        self.h2 = h2.connection.H2Connection(config=config)
        self.paths, self.got, self.left = {}, {}, set()

    async def run(self, paths):
        self.h2.initiate_connection()
        for path in paths:
            stream = self.h2.get_next_available_stream_id()
            self.paths[stream] = path
            self.got[stream] = b""
            self.left.add(stream)
            self.net.requests += 1
            self.h2.send_headers(stream, self.fields(path), end_stream=True)
        begun = time.monotonic()
        while self.left:
            self.line.writer.write(self.h2.data_to_send())
            await self.line.writer.drain()
            wait = max(0.05, 1 - (time.monotonic() - begun)) if self.is_waiting_in_vain() else PATIENCE
            try:
                octets = await asyncio.wait_for(self.line.reader.read(65536), wait)
            except TimeoutError:
                if not self.is_waiting_in_vain():
                    raise
                self.give_up()
                continue
            if not octets:
                raise EOFError("the connection ended")
            for event in self.h2.receive_data(octets):
                self.take(event)
        self.line.writer.write(self.h2.data_to_send())

    def is_waiting_in_vain(self):
        return all(self.paths[stream] in ("/stall", "/silent") for stream in self.left)

    def give_up(self):
        for stream in self.left:
            self.h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        self.left.clear()

    def fields(self, path):
        lines = [line.split(": ", 1) for line in BROWSER.split("\r\n") if line]
        return [(":method", "GET"), (":scheme", "https"), (":authority", f"{API}:{self.net.tls_port}"), (":path", path),
                *((name.lower(), value) for name, value in lines)]

    def take(self, event):
        stream = getattr(event, "stream_id", None)
        if stream not in self.got:
            return
        if isinstance(event, h2.events.DataReceived):
            self.got[stream] += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
        elif isinstance(event, h2.events.StreamReset):
            if self.paths[stream] not in ("/reset", "/truncate"):
                raise ConnectionError(f"{self.paths[stream]} was reset: {event.error_code!r}")
            self.left.discard(stream)
        elif isinstance(event, h2.events.StreamEnded):
            path = self.paths[stream]
            size = int(path.split("/")[2]) if path.startswith("/bytes/") else 1024
            expect(f"h2 {path}", self.got[stream], body_of(size))
            self.left.discard(stream)


async def http2(net):
    line = await Line.tunnel(net, API, net.read, "h2")
    usual = ["/cors/a", "/bare/a", "/bytes/100", "/bytes/300000", "/cors/b"]
    paths = random.choices(usual, k=random.randint(5, 20))
    if random.random() < 0.5:
        paths += random.choices(["/reset", "/truncate", "/stall", "/silent"], k=2)
    random.shuffle(paths)
    await Http2(net, line).run(paths)
    if random.random() < 0.3:
        line.abort()
    else:
        await line.close()


SCENARIOS = {"http1": (http1, 4), "http2": (http2, 4), "plain": (plain, 2), "unread": (unread, 1),
             "websocket": (websocket, 2), "faults": (faults, 4), "dead": (dead, 1)}


class Traffic:
    """workers that play scenarios until they are told to rest"""

    def __init__(self, net, weather, workers):
        self.net, self.weather = net, weather
        self.is_on, self.is_over = True, False
        self.tasks = [asyncio.create_task(self.work()) for _ in range(workers)]
        self.done = {name: [0, 0] for name in SCENARIOS}
        self.wrong, self.busy = [], 0

    async def work(self):
        names = [name for name, (_, often) in SCENARIOS.items() for _ in range(often)]
        while not self.is_over:
            if not self.is_on:
                await asyncio.sleep(0.05)
                continue
            self.busy += 1
            try:
                await self.play(random.choice(names))
            finally:
                self.busy -= 1
            await asyncio.sleep(random.random() * 0.1)

    async def play(self, name):
        before = self.weather.changes
        was_calm = self.weather.is_calm
        try:
            await asyncio.wait_for(SCENARIOS[name][0](self.net), PATIENCE)
            self.done[name][0] += 1
            return
        except Wrong as error:
            self.wrong.append(f"{name}: {error}")
            return
        except TimeoutError:
            what = f"{name}: hangs (nothing for {PATIENCE} s)"
        except (OSError, EOFError, ssl.SSLError, ValueError, h2.exceptions.ProtocolError) as error:
            what = f"{name}: {type(error).__name__} {error}"
        self.done[name][1] += 1
        if was_calm and self.weather.is_calm and self.weather.changes == before:
            self.wrong.append(what)

    async def rest(self):
        """lets what is under way end, and begins nothing"""
        self.is_on = False
        while self.busy:
            await asyncio.sleep(0.05)

    async def stop(self):
        self.is_over = True
        while left := [task for task in self.tasks if not task.done()]:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=1)
