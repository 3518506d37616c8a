// A tenant's limits: rate with Retry-After, calls at one time, sizes.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import { configured, eventually, sleep } from './gateway.mjs';

const policy = `version: 1
order: [native, pipedream, pending, worker]
native: [composio, scalekit]
limits: {tenant: {rate: 20/s, burst: 30, in_flight: 10}, request_bytes: 64KiB, response_bytes: 256KiB}
`;
let setup;
let gateway;
before(async () => {
  setup = await configured({ policy });
  gateway = await setup.serve();
});
after(async () => {
  await gateway.stop();
  await setup.stop();
});
const call = { tool: 'echo_echo', vendor: 'composio', user_id: 'user_123' };

test('over its rate a tenant gets 429 with a Retry-After that holds, and another tenant nothing of it', async () => {
  const [one, other] = [await gateway.makeKey('hasty'), await gateway.makeKey('calm')];
  const replies = [];
  for (let i = 0; i < 60; i++) replies.push(await one.execute(call));
  const limited = replies.filter((reply) => reply.status === 429);
  assert.ok(limited.length >= 5 && limited.length <= 30, `${limited.length} limited`);
  assert.ok(replies.slice(0, 30).every((reply) => reply.status === 200), 'the burst goes through');
  for (const reply of limited) {
    assert.deepEqual([reply.json.code, reply.json.by, reply.json.cause, reply.json.retryable], ['rate_limited', 'gateway', 'rate', true]);
    assert.match(reply.headers['retry-after'], /^[1-9]\d*$/);
  }
  assert.equal((await other.execute(call)).status, 200);
  await sleep(Number(limited.at(-1).headers['retry-after']) * 1000);
  assert.equal((await one.execute(call)).status, 200);
});

test('over its calls at one time a tenant gets 429, and a place comes free with each answer', async () => {
  const tenant = await gateway.makeKey('parallel');
  await setup.sandbox.fault({ vendor: 'composio', path: '*/execute/*', count: 0, fault: { delay_ms: 700 } });
  const before = (await setup.sandbox.counts()).composio.total;
  const first = Array.from({ length: 10 }, () => tenant.execute(call));
  await eventually('ten are at the vendor', async () => (await setup.sandbox.counts()).composio.total - before >= 10);
  const refused = await tenant.execute(call);
  assert.deepEqual([refused.status, refused.json.code, refused.json.by, refused.json.cause], [429, 'rate_limited', 'gateway', 'in_flight']);
  assert.ok(Number(refused.headers['retry-after']) >= 1);
  assert.deepEqual((await Promise.all(first)).map((reply) => reply.status), Array(10).fill(200));
  await setup.sandbox.clearFaults();
  assert.equal((await tenant.execute(call)).status, 200);
});

test('a body over the limit is payload_too_large, with the limit', async () => {
  const reply = await gateway.execute({ ...call, arguments: { big: 'x'.repeat(65536) } }, { agent: false });
  assert.deepEqual([reply.status, reply.json.code], [413, 'payload_too_large']);
  assert.equal(reply.json.limit_bytes, 65536);
});

test('a result over the limit is response_too_large', async () => {
  await setup.sandbox.fault({ vendor: 'composio', path: '*/execute/*', fault: { status: 200, content_type: 'application/json', body: { data: { big: 'x'.repeat(300000) }, error: null, successful: true } } });
  const reply = await gateway.execute(call);
  assert.deepEqual([reply.status, reply.json.code], [502, 'response_too_large']);
});

test('with all memory taken calls are answered overloaded, and it comes back', async () => {
  const small = await configured({ change: (text) => `${text}memory: 16MiB\n`, policy: policy.replace('20/s, burst: 30, in_flight: 10', '10000/s, burst: 10000, in_flight: 1000').replace('64KiB', '4MiB').replace('256KiB', '8MiB') });
  const tight = await small.serve();
  await small.sandbox.fault({ vendor: 'composio', path: '*/execute/*', count: 0, fault: { delay_ms: 400 } });
  const body = JSON.stringify({ ...call, arguments: { big: 'x'.repeat(1500000) } });
  const replies = await Promise.all(Array.from({ length: 60 }, () => tight.execute(body, { agent: false }).catch((error) => ({ status: error.code }))));
  const seen = {};
  for (const reply of replies) {
    const what = reply.status === 200 ? 'ok' : reply.json?.code ?? reply.status;
    seen[what] = (seen[what] ?? 0) + 1;
    if (what === 'overloaded') assert.equal(reply.status, 503);
  }
  assert.ok(seen.ok > 0 && seen.overloaded > 0, JSON.stringify(seen));
  assert.deepEqual(Object.keys(seen).filter((what) => !['ok', 'overloaded'].includes(what)), [], JSON.stringify(seen));
  await small.sandbox.clearFaults();
  assert.equal((await tight.execute(call)).status, 200);
  await tight.stop();
  await small.stop();
});

test('calls that come down one connection are answered in their order', async () => {
  const tenant = await gateway.makeKey('pipeliner');
  await setup.sandbox.fault({ vendor: 'composio', path: '*/execute/*', count: 1, fault: { delay_ms: 300 } });
  const one = (i) => {
    const body = JSON.stringify({ ...call, arguments: { i } });
    return `POST /v1/execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tenant.key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${i === 7 ? 'Connection: close\r\n' : ''}\r\n${body}`;
  };
  const { hostname, port } = new URL(gateway.url);
  const text = await new Promise((resolve, reject) => {
    const socket = net.connect({ host: hostname, port });
    let all = '';
    socket.on('data', (chunk) => { all += chunk; });
    socket.on('end', () => resolve(all));
    socket.on('error', reject);
    socket.write(Array.from({ length: 8 }, (_, i) => one(i)).join(''));
  });
  const order = [...text.matchAll(/"data":\{"i":(\d)\}/g)].map((match) => Number(match[1]));
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7], text.slice(0, 2000));
});
