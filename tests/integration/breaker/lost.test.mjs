// What the ledger and the keys say of calls whose answer nobody has any more.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { configured, sleep } from '../gateway/gateway.mjs';

let world;
before(async () => { world = await configured(); });
after(() => world.stop());

test('the row of a write that a kill -9 cut off says that it may have happened', async () => {
  const gateway = await world.serve();
  await gateway.execute({ tool: 'echo_write', user_id: 'user_123' });
  await world.sandbox.fault({ vendor: 'composio', path: '*execute*', count: 0, fault: { delay_ms: 3000 } });
  const hung = gateway.execute({ tool: 'echo_write', user_id: 'user_123' }).then(() => assert.fail('answered'), () => null);
  await sleep(500);
  gateway.signal('SIGKILL');
  await Promise.all([hung, gateway.exited]);
  await world.sandbox.clearFaults();

  const next = await world.serve();
  const rows = (await next.get('/v1/calls?toolkit=echo&vendor=composio&code=outcome_unknown')).json.items;
  assert.equal(rows.length, 1);
  const { outcome, code, cause, origin, maybe_applied: maybeApplied } = rows[0];
  assert.deepEqual({ outcome, code, cause, origin, maybeApplied },
    { outcome: 'unknown', code: 'outcome_unknown', cause: 'lost', origin: 'gateway', maybeApplied: true });
  await next.stop();
});

test('an answer too large to keep is told apart from a lost one, and after a restart, too', async () => {
  const body = { tool: 'echo_write', user_id: 'user_123', arguments: { big: 'x'.repeat(1100000) } };
  const headers = { 'idempotency-key': 'large' };
  let gateway = await world.serve();
  assert.equal((await gateway.execute(body, { headers })).status, 200);
  for (let i = 0; i < 2; i++) {
    const again = (await gateway.execute(body, { headers })).json;
    assert.deepEqual([again.code, again.cause, again.maybe_applied], ['outcome_unknown', 'answer_not_kept', true]);
    await gateway.stop();
    gateway = await world.serve();
  }
  await gateway.stop();
});
