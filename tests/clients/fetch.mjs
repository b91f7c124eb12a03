// Node's fetch: undici, of which only the package can be told of a proxy.
import { ProxyAgent, fetch } from "undici";
import { proxy, site, talk } from "./talk.mjs";

const dispatcher = new ProxyAgent(proxy.href);
await talk(async (method, path, body) => {
  const response = await fetch(new URL(path, site), { method, body, dispatcher });
  return Buffer.from(await response.arrayBuffer());
});
await dispatcher.close();
