// What all these clients do: fetch a file, and send it to have it back.
import { readFileSync } from "node:fs";

export const proxy = new URL(process.env.PROXY);
export const site = new URL(process.env.SITE);

export async function talk(ask) {
  const file = readFileSync(process.env.FILE);
  for (const [method, path, content] of [["GET", "/file", undefined], ["POST", "/echo", file]]) {
    const came = await ask(method, path, content);
    if (!file.equals(came)) throw new Error(`${path}: ${came.length} octets that are others`);
  }
  console.log("the same");
}
