// A secret that no header can carry is the operator's to mend, not the caller's.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { configured } from '../gateway/gateway.mjs';

let world;
before(async () => { world = await configured({ env: { T_COMPOSIO_KEY: 'half\r\nX-Other: 1' } }); });
after(() => world.stop());

test('a secret with a line break answers vendor_unavailable without showing it, and nothing is sent there', async () => {
  const gateway = await world.serve();
  const reply = await gateway.execute({ tool: 'echo_write', vendor: 'composio', user_id: 'user_123', arguments: { v: 1 } });
  assert.deepEqual([reply.status, reply.json.code, reply.json.cause, reply.json.maybe_applied],
    [503, 'vendor_unavailable', 'no_credentials', false], reply.body.toString());
  assert.doesNotMatch(reply.body.toString(), /half/);
  assert.equal((await world.sandbox.counts()).composio?.total ?? 0, 0);
  const elsewhere = await gateway.execute({ tool: 'echo_write', user_id: 'user_123', arguments: { v: 1 } });
  assert.deepEqual([elsewhere.status, elsewhere.json.route?.vendor], [200, 'scalekit'], elsewhere.body.toString());
  await gateway.stop();
});
