// Express, misconfigured: one application for each mistake, each on a port of its own.
'use strict';
const express = require('express');
const cors = require('cors');

const sites = {
  // As it should be: nothing is to be found here.
  fine(app) {
    app.use(cors({ origin: ['http://app.test'], credentials: true, maxAge: 600 }));
    app.all('/data.json', (_, response) => response.json({}));
  },
  // Nobody thought of CORS.
  plain(app) {
    app.all('/data.json', (_, response) => response.json({}));
  },
  // A string is sent to everybody.
  fixed(app) {
    app.use(cors({ origin: 'http://admin.test' }));
    app.get('/data.json', (_, response) => response.json({}));
  },
  // A list that this origin is not on.
  list(app) {
    app.use(cors({ origin: ['http://friend.test'] }));
    app.get('/data.json', (_, response) => response.json({}));
  },
  // The asterisk and credentials.
  asterisk(app) {
    app.use(cors({ credentials: true }));
    app.get('/data.json', (_, response) => response.json({}));
  },
  // cors() comes too late for what fails before it.
  late(app) {
    app.use('/broken', () => { throw new Error('broken'); });
    app.use(cors({ origin: true }));
    app.get('/data.json', (_, response) => response.json({}));
  },
  // Authentication comes first.
  auth(app) {
    app.use((request, response, next) => (request.headers.authorization ? next() : response.sendStatus(401)));
    app.use(cors({ origin: true }));
    app.all('/data.json', (_, response) => response.json({}));
  },
  // The field is set by hand, and nobody thought of preflights.
  forms(app) {
    app.post('/data.json', (_, response) => response.set('Access-Control-Allow-Origin', 'http://app.test').json({}));
  },
  // A few headers are listed.
  listed(app) {
    app.use(cors({ origin: true, credentials: true, allowedHeaders: ['content-type'] }));
    app.all('/data.json', (_, response) => response.json({}));
  },
  // A pattern that is anchored at its end only.
  pattern(app) {
    app.use(cors({ origin: /app\.example\.com$/, methods: ['PUT'], credentials: true }));
    app.get('/data.json', (_, response) => response.json({}));
  },
  // A small limit.
  limit(app) {
    app.use(express.json({ limit: 8 }));
    app.use(cors({ origin: true }));
    app.post('/data.json', (_, response) => response.json({}));
  },
};

for (const [name, setUp] of Object.entries(sites)) {
  const app = express();
  setUp(app);
  app.use((error, _request, response, _next) => response.status(error.status ?? 500).send('broken'));
  const server = app.listen(0, '127.0.0.1', () => console.log(`${name} ${server.address().port}`));
}
