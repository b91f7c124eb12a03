// What a page of the truth cases does: one function a kind of request. Each resolves to what the
// script saw: {saw: 'ok' | 'opaque' | 'error'}.
const body = spec => {
  if (!spec) return undefined;
  if (spec.kind === 'string') return spec.value;
  if (spec.kind === 'blob') return new Blob([spec.value], { type: spec.type });
  return new TextEncoder().encode(spec.value ?? 'x').buffer;
};
const until = (target, good, bad) => new Promise(done => {
  for (const name of good) target.addEventListener(name, () => done({ saw: 'ok' }));
  for (const name of bad) target.addEventListener(name, () => done({ saw: 'error' }));
});
const element = (name, attributes, crossorigin) => {
  const made = document.createElement(name);
  if (crossorigin !== undefined) made.setAttribute('crossorigin', crossorigin);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made[key] = value;
  return made;
};
const appended = made => {
  const done = until(made, ['load'], ['error']);
  document.body.append(made);
  return done;
};
const kinds = {
  async fetch({ url, timeout, body: content, headers, ...options }) {
    const init = { ...options, headers, body: body(content) };
    if (timeout) init.signal = AbortSignal.timeout(timeout);
    const response = await fetch(url, init);
    if (response.type.startsWith('opaque')) return { saw: 'opaque' };
    await response.arrayBuffer();
    return { saw: 'ok' };
  },
  xhr({ url, method = 'GET', headers = [], body: content, withCredentials, timeout, user, password, uploadListener }) {
    const request = new XMLHttpRequest();
    request.open(method, url, true, user, password);
    for (const [name, value] of headers) request.setRequestHeader(name, value);
    request.withCredentials = Boolean(withCredentials);
    if (timeout) request.timeout = timeout;
    if (uploadListener) request.upload.addEventListener('progress', () => {});
    const done = until(request, ['load'], ['error', 'timeout', 'abort']);
    request.send(body(content));
    return done;
  },
  img: ({ url, crossorigin }) => appended(element('img', { src: url }, crossorigin)),
  script: ({ url, crossorigin, integrity }) => appended(element('script', { src: url, integrity }, crossorigin)),
  module: ({ url, crossorigin }) => appended(element('script', { type: 'module', src: url }, crossorigin)),
  css: ({ url, crossorigin }) => appended(element('link', { rel: 'stylesheet', href: url }, crossorigin)),
  preload: ({ url, as, crossorigin }) => appended(element('link', { rel: 'preload', as, href: url }, crossorigin)),
  modulepreload: ({ url, crossorigin }) => appended(element('link', { rel: 'modulepreload', href: url }, crossorigin)),
  iframe: ({ url }) => appended(element('iframe', { src: url })),
  import: async ({ url }) => { await import(url); return { saw: 'ok' }; },
  eventsource({ url, withCredentials }) {
    const source = new EventSource(url, { withCredentials: Boolean(withCredentials) });
    return until(source, ['open'], ['error']).finally(() => source.close());
  },
  ws({ url }) {
    const socket = new WebSocket(url);
    return until(socket, ['open'], ['error']).finally(() => socket.close());
  },
};
async function step(spec) {
  try {
    return await kinds[spec.kind](spec);
  } catch (error) {
    return { saw: 'error', error: String(error) };
  }
}
