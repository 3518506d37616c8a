// Requests of operators: strict where they carry nothing, and none that locks its sender out.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { serveSandbox } from '../gateway/gateway.mjs';

let gateway;
before(async () => { gateway = await serveSandbox(); });
after(() => gateway.stop());

test('switching a vendor takes no members', async () => {
  for (const body of ['{"until":"tomorrow"}', '[1]', '{', 'null']) {
    const reply = await gateway.post('/v1/vendors/scalekit/quarantine', body);
    assert.deepEqual([reply.status, reply.json.code], [400, 'invalid_request'], body);
  }
  assert.equal((await gateway.get('/v1/vendors')).json.items.find((one) => one.vendor === 'scalekit').quarantined, false);
  for (const body of [undefined, '{}']) {
    assert.equal((await gateway.post('/v1/vendors/scalekit/quarantine', body)).status, 200);
    assert.equal((await gateway.post('/v1/vendors/scalekit/release', body)).status, 200);
  }
});

test('a key cannot disable the tenant it belongs to', async () => {
  const reply = await gateway.request('PATCH', '/v1/tenants/default', { body: { disabled: true } });
  assert.deepEqual([reply.status, reply.json.code], [409, 'conflict']);
  assert.equal((await gateway.get('/v1/tenants')).status, 200);
  await gateway.post('/v1/tenants', { tenant: 'other' });
  assert.equal((await gateway.request('PATCH', '/v1/tenants/other', { body: { disabled: true } })).json.disabled, true);
  const { secret } = (await gateway.post('/v1/keys', { tenant: 'other', scopes: ['admin'] })).json;
  assert.equal((await gateway.withKey(secret).get('/v1/tenants')).status, 403);
});
