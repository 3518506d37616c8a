// One key, one effect: replayed, refused for another body, waited for by its twin, kept over a restart.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { configured } from './gateway.mjs';

let setup;
let gateway;
before(async () => {
  setup = await configured();
  gateway = await setup.serve();
});
after(async () => {
  await gateway.stop();
  await setup.stop();
});

const write = (n = 1) => ({ tool: 'echo_write', vendor: 'composio', user_id: 'user_123', arguments: { n } });
const keyed = (key, body = write(), client = gateway) => client.execute(body, { headers: { 'idempotency-key': key } });
const sent = async () => (await setup.sandbox.counts()).composio.total;

test('the second call with a key gets the first answer, byte for byte, and nothing is sent', async () => {
  const first = await keyed('replay-1');
  assert.equal(first.status, 200, first.body.toString());
  const before = await sent();
  const second = await keyed('replay-1');
  assert.equal(second.status, 200);
  assert.ok(second.body.equals(first.body));
  assert.equal(second.headers['idempotency-replayed'], 'true');
  assert.equal(second.headers['x-call-id'], first.headers['x-call-id']);
  assert.equal(await sent(), before);
  const rows = (await gateway.get('/v1/calls?limit=5')).json.items;
  assert.deepEqual([rows[0].outcome, rows[0].replay_of], ['replayed', first.headers['x-call-id']]);
});

test('the key may stand in the body; header and body must agree', async () => {
  const first = await gateway.execute({ ...write(2), idempotency_key: 'member-1' });
  const second = await gateway.execute({ ...write(2), idempotency_key: 'member-1' });
  assert.ok(second.body.equals(first.body));
  const third = await gateway.execute({ ...write(2), idempotency_key: 'member-1' }, { headers: { 'idempotency-key': 'member-1' } });
  assert.equal(third.status, 200, third.body.toString());
  const differs = await gateway.execute({ ...write(2), idempotency_key: 'member-1' }, { headers: { 'idempotency-key': 'member-2' } });
  assert.deepEqual([differs.status, differs.json.code], [400, 'invalid_request']);
});

test('the same key with another body is a conflict, and the first answer stays', async () => {
  const first = await keyed('conflict-1', write(1));
  const other = await keyed('conflict-1', write(2));
  assert.deepEqual([other.status, other.json.code, other.json.maybe_applied], [409, 'idempotency_conflict', false]);
  assert.ok((await keyed('conflict-1', write(1))).body.equals(first.body));
});

test('a key belongs to its tenant', async () => {
  const other = await gateway.makeKey('neighbour');
  const first = await keyed('shared-name');
  const second = await keyed('shared-name', { tool: 'billing_echo', arguments: { mine: true } }, other);
  assert.equal(second.status, 200, second.body.toString());
  assert.notEqual(second.headers['x-call-id'], first.headers['x-call-id']);
});

test('twins that come at once are sent once, and get the same answer', async () => {
  await setup.sandbox.fault({ vendor: 'composio', path: '*/execute/*', count: 1, fault: { delay_ms: 400 } });
  const before = await sent();
  const replies = await Promise.all(Array.from({ length: 24 }, () => keyed('twins-1')));
  await setup.sandbox.clearFaults();
  assert.deepEqual(replies.map((reply) => reply.status), Array(24).fill(200));
  assert.equal(new Set(replies.map((reply) => reply.body.toString())).size, 1);
  assert.equal(replies.filter((reply) => reply.headers['idempotency-replayed'] === 'true').length, 23);
  assert.equal(await sent() - before, 1);
});

test('a failure that left nothing behind frees the key, tool_failed and maybe_applied keep it', async () => {
  const refused = { tool: 'gmail_send_email', vendor: 'composio', user_id: 'somebody_new', arguments: { recipient_email: 'a@b.example', subject: 's', body: 'b' } };
  assert.equal((await keyed('freed-1', refused)).json.code, 'connection_required');
  assert.equal((await keyed('freed-1', write(9))).status, 200, 'free for another body');

  const failing = { tool: 'gmail_send_email', vendor: 'composio', user_id: 'user_down', arguments: refused.arguments };
  const failed = await keyed('kept-1', failing);
  assert.deepEqual([failed.status, failed.json.code], [422, 'tool_failed']);
  const before = await sent();
  const again = await keyed('kept-1', failing);
  assert.ok(again.body.equals(failed.body));
  assert.equal(again.headers['content-type'], 'application/problem+json');

  await setup.sandbox.fault({ vendor: 'composio', path: '*/execute/*', count: 1, fault: { reset: 'after' } });
  const unknown = await keyed('kept-2');
  assert.deepEqual([unknown.status, unknown.json.maybe_applied], [503, true]);
  assert.ok((await keyed('kept-2')).body.equals(unknown.body));
  assert.equal(await sent() - before, 1, 'only the reset one was sent');
});

test('an answer over 1 MiB is not kept and replays as outcome_unknown', async () => {
  const body = { ...write(), arguments: { big: 'x'.repeat(1100000) } };
  assert.equal((await keyed('large-1', body)).status, 200);
  const again = await keyed('large-1', body);
  assert.deepEqual([again.status, again.json.code, again.json.maybe_applied], [409, 'outcome_unknown', true]);
});

test('an answer is replayed after a restart', async () => {
  const first = await keyed('restart-1');
  await gateway.stop();
  gateway = await setup.serve();
  const before = await sent();
  const second = await keyed('restart-1');
  assert.equal(second.status, 200, second.body.toString());
  assert.ok(second.body.equals(first.body));
  assert.equal(second.headers['idempotency-replayed'], 'true');
  assert.equal(await sent(), before);
  const conflict = await keyed('restart-1', write(5));
  assert.equal(conflict.json.code, 'idempotency_conflict');
});
