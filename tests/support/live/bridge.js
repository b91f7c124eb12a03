// What a page does whose steps are taken elsewhere: it hands them on to its frame or worker.
const source = document.getElementById('runner').textContent;
let inner;
const inFrame = attributes => {
  const frame = document.createElement('iframe');
  for (const [name, value] of Object.entries(attributes)) frame.setAttribute(name, value);
  document.body.append(frame);
  inner = (message, ports) => frame.contentWindow.postMessage(message, '*', ports);
};
const inData = () => `data:text/html,${encodeURIComponent(`<body><script>${source}</` + 'script>')}`;
const inWorker = () => {
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
  inner = (message, ports) => worker.postMessage(message, ports);
};
const step = spec => new Promise(done => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => done(data);
  inner(spec, [port2]);
});
