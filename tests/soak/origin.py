"""A server that does well, and badly where the path says so: HTTP/1.1, HTTP/2 and WebSockets over
TLS, HTTP/1.1 without.

  origin.py TLS_PORT PLAIN_PORT CERTIFICATE KEY

/cors/… and /bare/… with and without the CORS fields; /bytes/N; /sse; /ws; /echo; and /reset,
/truncate, /stall, /silent, each a fault.
"""
import asyncio, base64, hashlib, socket, ssl, struct, sys

import h2.config, h2.connection, h2.errors, h2.events, h2.exceptions

from origin_pattern import body_of

CORS = [("access-control-allow-origin", "https://app.soak.test"), ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "PUT"), ("access-control-allow-headers", "content-type"),
        ("access-control-max-age", "5"), ("vary", "Origin")]


def answer_to(method, path, received):
    """status, fields and content of an answer without a fault"""
    fields = [] if path.startswith("/bare") else list(CORS)
    if method == "OPTIONS":
        return 204, fields, b""
    if path.startswith("/bytes/"):
        return 200, fields, body_of(int(path.split("/")[2]))
    if path.startswith("/echo"):
        return 200, fields, str(received).encode()
    return 200, fields, body_of(1024)


async def read_head(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    start, *lines = head.decode("latin-1").split("\r\n")[:-2]
    fields = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    method, path, _ = start.split(" ")
    return method, path, fields


def reset(writer):
    """the peer sees a broken connection"""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def gone(reader):
    """waits until the peer has enough"""
    while await reader.read(65536):
        pass


async def http1(reader, writer):
    while True:
        method, path, fields = await read_head(reader)
        received = int(fields.get("content-length", 0))
        if received:
            await reader.readexactly(received)
        if not await answer1(reader, writer, method, path, fields, received):
            return


async def answer1(reader, writer, method, path, fields, received):
    """answers once; whether the connection goes on"""
    head = b"HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\ncontent-length: 1000\r\n\r\n"
    if path == "/silent":
        await gone(reader)
        return False
    if path == "/reset":
        writer.write(head + b"x" * 100)
        await writer.drain()
        await asyncio.sleep(0.01)
        reset(writer)
        return False
    if path == "/truncate":
        writer.write(head + b"x" * 500)
        await writer.drain()
        return False
    if path == "/stall":
        writer.write(head + b"x" * 10)
        await writer.drain()
        await gone(reader)
        return False
    if path == "/ws":
        await websocket(reader, writer, fields)
        return False
    if path == "/sse":
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for number in range(10):
            event = f"data: {number}\n\n".encode()
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            await writer.drain()
            await asyncio.sleep(0.05)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True
    status, lines, content = answer_to(method, path, received)
    text = "".join(f"{name}: {value}\r\n" for name, value in lines)
    length = "" if status == 204 else f"content-length: {len(content)}\r\n"
    writer.write(f"HTTP/1.1 {status} Fine\r\n{text}{length}\r\n".encode() + content)
    await writer.drain()
    return True


async def websocket(reader, writer, fields):
    key = fields["sec-websocket-key"].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key).digest())
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                 b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    while True:
        first, second = await reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            length = int.from_bytes(await reader.readexactly(2), "big")
        mask = await reader.readexactly(4)
        octets = await reader.readexactly(length)
        octets = bytes(o ^ mask[i % 4] for i, o in enumerate(octets))
        size = bytes([length]) if length < 126 else b"\x7e" + length.to_bytes(2, "big")
        writer.write(bytes([first]) + size + octets)
        await writer.drain()
        if first & 0x0F == 8:
            return


class Http2:
    """one connection of HTTP/2"""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        config = h2.config.H2Configuration(client_side=False, header_encoding="latin-1")
        self.h2 = h2.connection.H2Connection(config=config)
        self.asked, self.left, self.more = {}, {}, asyncio.Event()

    async def run(self):
        self.h2.initiate_connection()
        while True:
            self.writer.write(self.h2.data_to_send())
            await self.writer.drain()
            octets = await self.reader.read(65536)
            if not octets:
                return
            for event in self.h2.receive_data(octets):
                self.take(event)
            for stream in list(self.left):
                self.send(stream)

    def take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            fields = dict(event.headers)
            self.asked[event.stream_id] = [fields[":method"], fields[":path"], 0]
        elif isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if event.stream_id in self.asked:
                self.asked[event.stream_id][2] += len(event.data)
        elif isinstance(event, h2.events.StreamEnded) and event.stream_id in self.asked:
            self.answer(event.stream_id, *self.asked.pop(event.stream_id))
        elif isinstance(event, h2.events.StreamReset):
            self.asked.pop(event.stream_id, None)
            self.left.pop(event.stream_id, None)

    def answer(self, stream, method, path, received):
        if path == "/silent":
            return
        if path in ("/reset", "/truncate", "/stall"):
            self.h2.send_headers(stream, [(":status", "200"), ("access-control-allow-origin", "*")])
            self.h2.send_data(stream, b"x" * 100)
            if path != "/stall":
                self.h2.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
            return
        status, lines, content = answer_to(method, path, received)
        self.h2.send_headers(stream, [(":status", str(status)), *lines], end_stream=not content)
        if content:
            self.left[stream] = content
            self.send(stream)

    def send(self, stream):
        content = self.left[stream]
        while content:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room <= 0:
                self.left[stream] = content
                return
            piece, content = content[:room], content[room:]
            self.h2.send_data(stream, piece, end_stream=not content)
        del self.left[stream]


async def serve(reader, writer):
    try:
        tls = writer.get_extra_info("ssl_object")
        if tls and tls.selected_alpn_protocol() == "h2":
            await Http2(reader, writer).run()
        else:
            await http1(reader, writer)
    except (OSError, EOFError, asyncio.IncompleteReadError, h2.exceptions.ProtocolError):
        pass
    finally:
        writer.close()


async def main():
    tls_port, plain_port, certificate, key = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    await asyncio.start_server(serve, "127.0.0.1", int(tls_port), ssl=context, backlog=512)
    await asyncio.start_server(serve, "127.0.0.1", int(plain_port), backlog=512)
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
