// Odd documents at the registry's routes: typed answers with the places, in good time.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { serveSandbox } from '../gateway/gateway.mjs';

let gateway;
before(async () => { gateway = await serveSandbox(); });
after(() => gateway.stop());

test('a document of nothing but faults is refused in seconds, and calls go on', async () => {
  const started = Date.now();
  const text = '- 1\n'.repeat(500000);
  const [refused, call] = await Promise.all([
    gateway.request('POST', '/v1/registry/import?dry_run=true&format=yaml', { body: text, headers: { 'content-type': 'application/yaml' } }),
    gateway.execute({ tool: 'echo_echo', user_id: 'user_123' }),
  ]);
  assert.equal(refused.status, 400);
  assert.equal(refused.json.code, 'invalid_request');
  assert.ok(refused.json.errors.length >= 1 && refused.json.errors.length <= 100);
  assert.equal(call.status, 200);
  assert.ok(Date.now() - started < 30000);
});

test('a toolkit of thousands of faulty rows is refused with the first hundred places', async () => {
  const rows = Array.from({ length: 20000 }, () => ({ vendor: 'composio', status: 'NEVER' }));
  const refused = await gateway.request('PUT', '/v1/registry/toolkits/odd', { body: rows, headers: { 'if-none-match': '*' } });
  assert.equal(refused.status, 400);
  assert.equal(refused.json.errors.length, 100);
  assert.equal(refused.json.errors[0].pointer, '/0/status');
});

test('a worker endpoint may spell its scheme in capitals, and has no fragment', async () => {
  const { endpoint } = (await gateway.get('/v1/registry/toolkits/billing')).json[0];
  const put = (name, url) => gateway.request('PUT', `/v1/registry/toolkits/${name}`,
    { body: [{ vendor: 'worker', endpoint: url, secret: 'billing', adr: 'ADR-1', status: 'LIVE' }], headers: { 'if-none-match': '*' } });
  assert.equal((await put('shouting', endpoint.replace('http:', 'HTTP:'))).status, 201);
  assert.equal((await gateway.execute({ tool: 'shouting_list_invoices', user_id: 'user_123' })).status, 200);
  const refused = await put('fragment', `${endpoint}#x`);
  assert.deepEqual([refused.status, refused.json.errors[0].pointer], [400, '/0/endpoint']);
});
