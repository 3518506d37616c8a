// A tenant's limits: rate with Retry-After, calls at one time, sizes.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
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
