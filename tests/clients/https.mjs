// node:https through a CONNECT made by hand.
import http from "node:http";
import https from "node:https";
import { proxy, site, talk } from "./talk.mjs";

const host = site.host;
const socket = await new Promise((resolve, reject) => {
  const connect = http.request({ host: proxy.hostname, port: proxy.port, method: "CONNECT", path: host });
  connect.on("connect", (_, socket) => resolve(socket)).on("error", reject).end();
});
const agent = new https.Agent({ keepAlive: true, maxSockets: 1, socket });

await talk((method, path, content) => new Promise((resolve, reject) => {
  const options = { method, agent, servername: site.hostname, host: site.hostname, port: site.port, path };
  const request = https.request(options, (response) => {
    const pieces = [];
    response.on("data", (piece) => pieces.push(piece)).on("error", reject);
    response.on("end", () => resolve(Buffer.concat(pieces)));
  });
  request.on("error", reject).end(content);
}));
agent.destroy();
