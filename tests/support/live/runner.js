// What a page of the truth cases does: one function a kind of request. Each resolves to what the
// script saw: {saw: 'ok' | 'opaque' | 'error'}; 'sent' where it sees nothing.
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
const played = (name, { url, crossorigin }) => {
  const made = element(name, { src: url, preload: 'auto' }, crossorigin);
  return until(made, ['loadedmetadata'], ['error']);
};
// The browser's own record of a load, once it is over.
const recorded = url => new Promise(done => {
  const look = entries => {
    const entry = entries.find(({ name }) => name === url);
    if (entry) done(entry);
  };
  new PerformanceObserver(list => look(list.getEntries())).observe({ type: 'resource', buffered: true });
});
const styled = async (url, property) => {
  const made = element('div', { textContent: 'x' });
  made.style.setProperty(property, `url(${url})`);
  document.body.append(made);
  const { responseStatus } = await recorded(url);
  return { saw: responseStatus === 200 ? 'ok' : 'error' };
};
const kinds = {
  async fetch({ url, timeout, body: content, headers, ...options }) {
    const init = { ...options, headers, body: body(content) };
    if (timeout) init.signal = AbortSignal.timeout(timeout);
    const response = await fetch(url, init);
    if (response.type.startsWith('opaque')) return { saw: 'opaque' };
    await response.arrayBuffer();
    return { saw: 'ok', readable: [...new Set(response.headers.keys())] };
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
  object: ({ url }) => appended(element('object', { data: url })),
  embed: ({ url }) => appended(element('embed', { src: url })),
  prefetch: ({ url, crossorigin }) => appended(element('link', { rel: 'prefetch', href: url }, crossorigin)),
  audio: spec => played('audio', spec),
  video: spec => played('video', spec),
  track({ url, crossorigin }) {
    const track = element('track', { src: url, kind: 'subtitles', default: true });
    const done = until(track, ['load'], ['error']);
    const video = element('video', {}, crossorigin);
    video.append(track);
    document.body.append(video);
    track.track.mode = 'hidden';
    return done;
  },
  async canvas({ url, crossorigin }) {
    const image = element('img', { src: url }, crossorigin);
    const loaded = await appended(image);
    if (loaded.saw !== 'ok') return loaded;
    const drawn = document.createElement('canvas').getContext('2d');
    drawn.drawImage(image, 0, 0);
    drawn.getImageData(0, 0, 1, 1);
    return loaded;
  },
  // The octets that come are no font, so that the browser's record tells whether they came.
  async font({ url }) {
    const face = new FontFace('tested', `url(${url})`);
    await face.load().catch(() => {});
    const { responseStatus } = await recorded(url);
    return { saw: responseStatus === 200 ? 'ok' : 'error' };
  },
  async beacon({ url, body: content }) {
    navigator.sendBeacon(url, body(content));
    await recorded(url);
    return { saw: 'sent' };
  },
  form({ url, method = 'post' }) {
    const frame = element('iframe', { name: 'answer' });
    document.body.append(frame);
    const form = element('form', { action: url, method, target: 'answer' });
    document.body.append(form);
    const done = new Promise(done => {
      // The frame's first, empty document is ours to see; the answer is not.
      frame.addEventListener('load', () => { if (!frame.contentDocument) done({ saw: 'ok' }); });
    });
    form.submit();
    return done;
  },
  import: async ({ url }) => { await import(url); return { saw: 'ok' }; },
  json: async ({ url }) => { await import(url, { with: { type: 'json' } }); return { saw: 'ok' }; },
  // Where the page itself is a worker.
  importscripts: async ({ url }) => { importScripts(url); return { saw: 'ok' }; },
  // The worker's script has to send a message.
  worker: ({ url, type }) => until(new Worker(url, { type }), ['message'], ['error']),
  sharedworker({ url }) {
    const worker = new SharedWorker(url);
    worker.port.start();
    return Promise.race([until(worker.port, ['message'], []), until(worker, [], ['error'])]);
  },
  cssimport: ({ url }) => appended(element('style', { textContent: `@import url(${url});` })),
  // Pictures of a style sheet: masks are loaded with CORS, backgrounds without.
  mask: ({ url }) => styled(url, 'mask-image'),
  background: ({ url }) => styled(url, 'background-image'),
  eventsource({ url, withCredentials }) {
    const source = new EventSource(url, { withCredentials: Boolean(withCredentials) });
    return until(source, ['open'], ['error']).finally(() => source.close());
  },
  pause: async () => ({ saw: 'nothing' }),
  wait: ({ ms }) => new Promise(done => setTimeout(done, ms, { saw: 'nothing' })),
  // Several at once; what came of the one that is asked about.
  async all({ url, steps }) {
    const saw = await Promise.all(steps.map(step));
    return saw[steps.findIndex(each => each.url === url)];
  },
  ws({ url }) {
    const socket = new WebSocket(url);
    return until(socket, ['open'], ['error']).finally(() => socket.close());
  },
};
// Longer than any step takes: a frame that the browser refuses may tell nothing at all.
const PATIENCE = 8000;
const late = () => new Promise(done => setTimeout(done, PATIENCE, { saw: 'error', error: 'nothing happened' }));
async function step(spec) {
  try {
    return await Promise.race([kinds[spec.kind](spec), late()]);
  } catch (error) {
    return { saw: 'error', error: String(error) };
  }
}

// A page that hands its steps on to this frame or worker gives a port for the answer.
globalThis.addEventListener('message', async ({ data, ports: [port] }) => {
  if (port) port.postMessage(await step(data));
});
