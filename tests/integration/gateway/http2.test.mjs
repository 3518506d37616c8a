// HTTP/2 towards a vendor: reads share connections, writes go over HTTP/1.1 and are sent once.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import os from 'node:os';
import path from 'node:path';
import { configured, openPolicy } from './gateway.mjs';

const answer = (data) => JSON.stringify({ data, error: null, successful: true, log_id: 'log_h2' });
const megabyte = 'm'.repeat(1 << 20);
let certs, vendor, setup, gateway;

// What the vendor saw since the last test, and what it does with the next requests.
const seen = { requests: [], sessions: new Set(), at: 0, most: 0 };
let behave = () => ({});

function certificate() {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'switchyard-h2-'));
  const [key, cert] = [path.join(dir, 'key.pem'), path.join(dir, 'cert.pem')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', '/CN=the test authority',
    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { dir, file: cert, key: readFileSync(key), cert: readFileSync(cert) };
}

function serve(request, reply) {
  const session = request.stream?.session;
  const turn = seen.requests.push({ version: request.httpVersion, url: request.url, authority: request.headers[':authority'] ?? request.headers.host });
  const how = behave(turn, session);

  if (session) seen.sessions.add(session);
  seen.most = Math.max(seen.most, ++seen.at);
  request.resume();
  request.on('end', () => setTimeout(() => {
    seen.at--;
    if (how.reset) request.stream.close(http2.constants[how.reset]);
    else if (how.drop) (session ?? request.socket).destroy();
    else reply.writeHead(200, { 'content-type': 'application/json' }).end(answer(how.data ?? { turn }));
  }, how.afterMs ?? 0));
}

before(async () => {
  certs = certificate();
  vendor = http2.createSecureServer({ key: certs.key, cert: certs.cert, allowHTTP1: true, settings: { maxConcurrentStreams: 100 } }, serve);
  vendor.on('sessionError', () => {});
  vendor.listen(0, '127.0.0.1');
  await once(vendor, 'listening');
  const base = `https://127.0.0.1:${vendor.address().port}`;
  setup = await configured({
    policy: `${openPolicy}fallback: {on: [vendor_unavailable, vendor_timeout], tries: 2, total: 20s}\n`,
    change: (text) => text.replace(/composio: \{base_url: "[^"]*"/, `composio: {base_url: "${base}"`).replace('threads: 2', 'threads: 1'),
    env: { SSL_CERT_FILE: certs.file },
    rows: '- {toolkit: two, vendor: composio, status: LIVE}\n'
      + '- {tool: two_read, toolkit: two, vendor: composio, vendor_tool: TWO_READ, match: exact, effect: read}\n'
      + '- {tool: two_write, toolkit: two, vendor: composio, vendor_tool: TWO_WRITE, match: exact, effect: write}\n',
  });
  gateway = await setup.serve();
});

after(async () => {
  await gateway?.stop();
  await setup?.stop();
  vendor?.close();
  if (certs) rmSync(certs.dir, { recursive: true, force: true });
});

beforeEach(() => {
  Object.assign(seen, { requests: [], sessions: new Set(), at: 0, most: 0 });
  behave = () => ({});
});

const call = (tool) => gateway.execute({ tool, user_id: 'user_1', arguments: {} });
const warm = async () => {
  assert.equal((await call('two_read')).status, 200);
  Object.assign(seen, { requests: [], sessions: new Set(), at: 0, most: 0 });
};

test('reads go over HTTP/2, with the path and the authority as they should be', async () => {
  const reply = await call('two_read');

  assert.equal(reply.status, 200, reply.body.toString());
  assert.equal(seen.requests.length, 1);
  assert.equal(seen.requests[0].version, '2.0');
  assert.match(seen.requests[0].url, /^\/api\/v3(\.1)?\/tools\/execute\/TWO_READ$/);
  assert.equal(seen.requests[0].authority, `127.0.0.1:${vendor.address().port}`);
});

test('eighty reads at once share one connection', async () => {
  await warm();
  behave = () => ({ afterMs: 100 });
  const replies = await Promise.all(Array.from({ length: 80 }, () => call('two_read')));

  assert.deepEqual([...new Set(replies.map((reply) => reply.status))], [200]);
  assert.equal(seen.requests.length, 80);
  assert.equal(seen.sessions.size, 1);
  assert.ok(seen.most > 40, `only ${seen.most} at once`);
});

test('more reads than a connection has streams are all answered, each sent once', async () => {
  await warm();
  behave = () => ({ afterMs: 20 });
  const replies = await Promise.all(Array.from({ length: 400 }, () => call('two_read')));

  assert.deepEqual([...new Set(replies.map((reply) => reply.status))], [200]);
  assert.equal(seen.requests.length, 400);
  assert.ok(seen.sessions.size <= 8, `${seen.sessions.size} connections`);
});

test('writes go over HTTP/1.1', async () => {
  await warm();
  const replies = await Promise.all(Array.from({ length: 10 }, () => call('two_write')));

  assert.deepEqual([...new Set(replies.map((reply) => reply.status))], [200]);
  assert.deepEqual([...new Set(seen.requests.map((request) => request.version))], ['1.1']);
  assert.equal(seen.requests.length, 10);
});

test('a reply of a megabyte comes whole, eight at once', async () => {
  behave = () => ({ data: { megabyte } });
  const replies = await Promise.all(Array.from({ length: 8 }, () => call('two_read')));

  for (const reply of replies) {
    assert.equal(reply.status, 200);
    assert.equal(reply.json.data.megabyte, megabyte);
  }
});

test('a connection that is closed with GOAWAY between calls costs nobody anything', async () => {
  await warm();
  for (let i = 0; i < 12; i++) {
    behave = (turn, session) => { if (turn % 3 === 0) session.goaway(); return {}; };
    assert.equal((await call('two_read')).status, 200);
  }
  assert.equal(seen.requests.length, 12);
  assert.ok(seen.sessions.size >= 3, `${seen.sessions.size} connections`);
});

test('a read whose connections die reaches the vendor twice with tries: 2, and no more', async () => {
  await warm();
  behave = () => ({ drop: true });
  const reply = await call('two_read');

  assert.equal(reply.status, 503, reply.body.toString());
  assert.equal(reply.json.code, 'vendor_unavailable');
  assert.equal(reply.json.maybe_applied, false);
  assert.ok(seen.requests.length <= 2, `${seen.requests.length} requests`);
});

test('a write whose connection dies reaches the vendor once', async () => {
  behave = () => ({});
  assert.equal((await call('two_write')).status, 200);
  seen.requests = [];
  behave = () => ({ drop: true });
  const reply = await call('two_write');

  assert.equal(seen.requests.length, 1);
  assert.equal(reply.json.maybe_applied, true);
});

test('a refused stream is sent again within the tries', async () => {
  await warm();
  behave = (turn) => (turn === 1 ? { reset: 'NGHTTP2_REFUSED_STREAM' } : {});
  const reply = await call('two_read');

  assert.equal(reply.status, 200, reply.body.toString());
  assert.equal(seen.requests.length, 2);
});
