// The fault script: every kind, seen from a client's side on a plain socket.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import { gunzipSync } from 'node:zlib';
import { pipedreamToken, scalekitToken, startSandbox } from './standin.mjs';

let sandbox;
before(async () => { sandbox = await startSandbox(); });
after(async () => assert.deepEqual(await sandbox.stop(), { code: 0, signal: null }));
beforeEach(() => sandbox.reset());

const request = (path = '/api/v3.1/toolkits', body = '') =>
  `${body ? 'POST' : 'GET'} ${path} HTTP/1.1\r\nHost: x\r\nx-api-key: ${sandbox.composio_api_key}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
// Sends bytes, reads until the other side ends; tells how it ended.
const exchange = (text, onData) => new Promise((resolve) => {
  const started = Date.now();
  const chunks = [];
  const socket = net.connect(Number(new URL(sandbox.composio_url).port), '127.0.0.1', () => socket.write(text));
  const done = (end) => resolve({ end, bytes: Buffer.concat(chunks), ms: Date.now() - started, chunks: chunks.length });
  socket.on('data', (data) => { chunks.push(data); if (onData?.(data)) { socket.destroy(); done('client'); } });
  socket.on('end', () => done('closed'));
  socket.on('error', (error) => done(error.code));
});
const whole = () => fetch(`${sandbox.composio_url}/api/v3.1/toolkits?limit=1`, { headers: { 'x-api-key': sandbox.composio_api_key }, redirect: 'manual' });
const fault = (kind, more = {}) => sandbox.fault({ vendor: 'composio', fault: kind, ...more });

test('status, body, headers and content type', async () => {
  await fault({ status: 503, body: '<h1>down</h1>', content_type: 'text/html', headers: { 'x-why': 'maintenance' } });
  const reply = await whole();
  assert.deepEqual([reply.status, reply.headers.get('content-type'), reply.headers.get('x-why'), await reply.text()], [503, 'text/html', 'maintenance', '<h1>down</h1>']);
  await fault({ content_type: 'text/html' });
  assert.equal((await whole()).headers.get('content-type'), 'text/html');
  assert.equal((await whole()).headers.get('content-type'), 'application/json');
  await fault({ status: 200, body: { any: 'document' } });
  assert.deepEqual(await (await whole()).json(), { any: 'document' });
  await fault({ status: 502 });
  assert.equal(await (await whole()).text(), '');
});

test('delay', async () => {
  await fault({ delay_ms: 300 });
  const started = Date.now();
  assert.equal((await whole()).status, 200);
  assert.ok(Date.now() - started >= 290);
});

test('reset before the request is read, and after it was carried out', async () => {
  const count = async () => (await sandbox.requests('vendor=composio')).length;
  await fault({ reset: 'before' });
  const before = await exchange(request('/api/v3.1/connected_accounts/link', '{"auth_config_id"').slice(0, -5));
  assert.equal(before.end, 'ECONNRESET');
  assert.equal(before.bytes.length, 0);
  const config = (await (await fetch(`${sandbox.composio_url}/api/v3.1/auth_configs?toolkit_slug=slack`, { headers: { 'x-api-key': sandbox.composio_api_key } })).json()).items[0].id;
  const accounts = async () => (await (await fetch(`${sandbox.composio_url}/api/v3.1/connected_accounts?user_ids=u1`, { headers: { 'x-api-key': sandbox.composio_api_key } })).json()).total_items;
  await fault({ reset: 'after' }, { path: '*/link' });
  const seen = await count();
  assert.equal((await exchange(request('/api/v3.1/connected_accounts/link', JSON.stringify({ auth_config_id: config, user_id: 'u1' })))).end, 'ECONNRESET');
  assert.equal(await count(), seen + 1);
  assert.equal(await accounts(), 1);
  await fault({ reset: 'before' }, { tool: 'ECHO_*' });
  assert.equal((await exchange(request('/api/v3.1/tools/execute/ECHO_ECHO', '{}'))).end, 'ECONNRESET');
});

test('half a reply', async () => {
  await fault({ half_reply: true });
  const { end, bytes } = await exchange(request());
  const text = bytes.toString();
  const announced = Number(/content-length: (\d+)/i.exec(text)[1]);
  const got = text.length - text.indexOf('\r\n\r\n') - 4;
  assert.equal(end, 'closed');
  assert.ok(got > 0 && got < announced);
});

test('garbage, a huge header, a slow drip', async () => {
  await fault({ garbage: true });
  assert.doesNotMatch((await exchange(request())).bytes.toString('latin1'), /^HTTP/);
  await fault({ huge_header: 300000 });
  assert.ok((await exchange(request())).bytes.indexOf('\r\nContent-Type') > 300000);
  await fault({ drip_ms: 5, status: 200, body: { a: 1 } });
  const slow = await exchange(request());
  assert.match(slow.bytes.toString(), /\{"a":1\}$/);
  assert.ok(slow.ms > slow.bytes.length * 4);
  await fault({ drip_ms: 20 });
  assert.equal((await exchange(request(), () => true)).end, 'client');
});

test('a gzip bomb', async () => {
  await fault({ gzip_bomb: 8 << 20 });
  const { bytes } = await exchange(request().replace('Host: x', 'Host: x\r\nConnection: close'));
  const text = bytes.toString('latin1');
  assert.match(text, /content-encoding: gzip/i);
  const packed = bytes.subarray(text.indexOf('\r\n\r\n') + 4);
  assert.ok(packed.length < 20000);
  assert.equal(gunzipSync(packed).length, 8 << 20);
});

test('401 once spoils every token minted before', async () => {
  const scalekit = (token) => fetch(`${sandbox.scalekit_url}/api/v1/tools?page_size=1`, { headers: { authorization: `Bearer ${token}` } });
  const pipedream = (token) => fetch(`${sandbox.pipedream_url}/v1/connect/apps?limit=1`, { headers: { authorization: `Bearer ${token}` } });
  for (const [vendor, mint, get] of [['scalekit', scalekitToken, scalekit], ['pipedream', pipedreamToken, pipedream]]) {
    const token = await mint(sandbox);
    assert.equal((await get(token)).status, 200);
    await sandbox.fault({ vendor, fault: { unauthorized_once: true } });
    assert.equal((await get(token)).status, 401);
    assert.equal((await get(token)).status, 401);
    assert.equal((await get(await mint(sandbox))).status, 200);
  }
  await fault({ unauthorized_once: true });
  assert.deepEqual([(await whole()).status, (await whole()).status], [401, 200]);
});

test('429 with Retry-After in seconds and as a date', async () => {
  await fault({ rate_limited: { retry_after: 'seconds', seconds: 7 } });
  const seconds = await whole();
  assert.deepEqual([seconds.status, seconds.headers.get('retry-after')], [429, '7']);
  await fault({ rate_limited: { retry_after: 'date', seconds: 9 } });
  const date = Date.parse((await whole()).headers.get('retry-after'));
  assert.ok(Math.abs(date - Date.now() - 9000) < 3000);
});

test('a redirect to a private address', async () => {
  await fault({ redirect: 'http://169.254.169.254/latest' });
  const reply = await whole();
  assert.deepEqual([reply.status, reply.headers.get('location')], [302, 'http://169.254.169.254/latest']);
});

test('count, skip, tool, path, method and vendor choose the requests', async () => {
  await fault({ status: 500 }, { count: 2, skip: 1 });
  const statuses = [];
  for (let i = 0; i < 5; i++) statuses.push((await whole()).status);
  assert.deepEqual(statuses, [200, 500, 500, 200, 200]);
  await sandbox.fault([{ vendor: 'scalekit', fault: { status: 500 } }, { vendor: 'composio', path: '/api/v3.1/tools*', fault: { status: 500 } }, { vendor: 'composio', method: 'POST', fault: { status: 500 } }]);
  assert.equal((await whole()).status, 200);
  assert.equal((await sandbox.faults()).faults.filter((one) => one.left > 0).length, 3);
  await sandbox.clearFaults();
  assert.deepEqual((await sandbox.faults()).faults, []);
  await fault({ status: 500 }, { count: 0 });
  for (let i = 0; i < 4; i++) assert.equal((await whole()).status, 500);
  await assert.rejects(sandbox.fault({ vendor: 'nobody', fault: {} }));
  await assert.rejects(sandbox.fault({ vendor: 'composio', fault: { status: 99 } }));
  await assert.rejects(sandbox.fault({ vendor: 'composio', fault: { headers: { 'x-a': 'b\r\nc' } } }));
});

test('requests are kept byte for byte', async () => {
  const body = '{"user_id" :\t"user_123","arguments":{"v":1e400}}';
  await exchange(request('/api/v3.1/tools/execute/ECHO_ECHO', body), () => true);
  const [last] = await sandbox.requests('vendor=composio&limit=1');
  assert.equal(Buffer.from(last.body_base64, 'base64').toString(), body);
  assert.equal(last.tool, 'ECHO_ECHO');
  assert.deepEqual(last.headers.find(([name]) => name === 'x-api-key'), ['x-api-key', sandbox.composio_api_key]);
});

test('stopping with answers still held back loses nothing but them', async () => {
  const other = await startSandbox();
  await fetch(`${other.composio_url}/__sandbox/faults`, { method: 'POST', body: JSON.stringify([{ path: '*/apps', fault: { delay_ms: 60000 } }, { path: '*/toolkits', fault: { drip_ms: 1000 } }]) });
  const held = [fetch(`${other.pipedream_url}/v1/connect/apps`), fetch(`${other.composio_url}/api/v3.1/toolkits`).then((reply) => reply.text())].map((one) => one.catch(() => 'cut'));
  await new Promise((resolve) => { setTimeout(resolve, 200); });
  assert.deepEqual(await other.stop(), { code: 0, signal: null });
  assert.deepEqual(await Promise.all(held), ['cut', 'cut']);
});
