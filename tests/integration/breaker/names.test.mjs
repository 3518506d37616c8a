// Names of which nothing is left after normalisation name nothing: no case, no row.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { serveSandbox } from '../gateway/gateway.mjs';

let gateway;
before(async () => { gateway = await serveSandbox(); });
after(() => gateway.stop());

test('a name without a letter or digit is refused and opens no case', async () => {
  for (const tool of ['_', '__', '_-_']) {
    const reply = await gateway.execute({ tool });
    assert.deepEqual([reply.status, reply.json.code, reply.json.errors[0].pointer], [400, 'invalid_request', '/tool'], tool);
  }
  assert.deepEqual((await gateway.get('/v1/cases')).json.items, []);
});

test('a provider without a letter or digit is refused by the runbook', async () => {
  for (const provider of ['___', '..', '   ', '!!!', '日本語']) {
    const reply = await gateway.post('/v1/triage', { provider, apply: true });
    assert.deepEqual([reply.status, reply.json.code, reply.json.errors[0].pointer], [400, 'invalid_request', '/provider'], provider);
  }
  assert.equal((await gateway.post('/v1/triage', { provider: 'Zoë 1' })).status, 200);
});
