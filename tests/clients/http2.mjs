// node:http2 through a CONNECT made by hand.
import http from "node:http";
import http2 from "node:http2";
import tls from "node:tls";
import { proxy, site, talk } from "./talk.mjs";

const socket = await new Promise((resolve, reject) => {
  const connect = http.request({ host: proxy.hostname, port: proxy.port, method: "CONNECT", path: site.host });
  connect.on("connect", (_, socket) => resolve(socket)).on("error", reject).end();
});
const session = http2.connect(site.origin, {
  createConnection: () => tls.connect({ socket, servername: site.hostname, ALPNProtocols: ["h2"] }),
});

await talk((method, path, content) => new Promise((resolve, reject) => {
  const pieces = [];
  const stream = session.request({ ":method": method, ":path": path }, { endStream: content === undefined });
  stream.on("data", (piece) => pieces.push(piece)).on("error", reject);
  stream.on("end", () => resolve(Buffer.concat(pieces)));
  if (content !== undefined) stream.end(content);
}));
session.close();
