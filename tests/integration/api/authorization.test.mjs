// Every route, as every kind of wrong caller would try it: nobody gets in, nothing changes, and what
// belongs to somebody else looks exactly like what does not exist.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { serveSandbox } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';

// The product's table of who may do what; held against the served document below.
const routes = [
  ['POST', '/v1/execute', 'call', { tool: 'gmail_fetch_emails', user_id: 'user_123' }],
  ['GET', '/v1/resolve?toolkit=gmail', 'call'],
  ['GET', '/v1/toolkits', 'call'],
  ['GET', '/v1/toolkits/gmail', 'call'],
  ['GET', '/v1/calls', 'call'],
  ['GET', '/v1/calls/{call}', 'call'],
  ['GET', '/v1/registry/toolkits', 'registry'],
  ['GET', '/v1/registry/toolkits/gmail', 'registry'],
  ['PUT', '/v1/registry/toolkits/intruder', 'registry', [{ vendor: 'composio', status: 'LIVE' }], { 'if-none-match': '*' }],
  ['PATCH', '/v1/registry/toolkits/gmail', 'registry', [{ vendor: 'composio', notes: 'intruder' }], { 'if-match': '*' }],
  ['DELETE', '/v1/registry/toolkits/gmail', 'registry', undefined, { 'if-match': '*' }],
  ['GET', '/v1/registry/toolkits/gmail/history', 'registry'],
  ['POST', '/v1/registry/import?format=json', 'registry', []],
  ['GET', '/v1/registry/export', 'registry'],
  ['POST', '/v1/triage', 'registry', { provider: 'gmail' }],
  ['GET', '/v1/cases', 'registry'],
  ['GET', '/v1/cases/case_1', 'registry'],
  ['POST', '/v1/cases/case_1/close', 'registry', {}],
  ['GET', '/v1/vendors', 'admin'],
  ['POST', '/v1/vendors/composio/quarantine', 'admin'],
  ['POST', '/v1/vendors/composio/release', 'admin'],
  ['GET', '/v1/tenants', 'admin'],
  ['POST', '/v1/tenants', 'admin', { tenant: 'intruder' }],
  ['GET', '/v1/tenants/default', 'admin'],
  ['PATCH', '/v1/tenants/default', 'admin', { disabled: true }],
  ['GET', '/v1/keys', 'admin'],
  ['POST', '/v1/keys', 'admin', { tenant: 'default', scopes: ['admin'] }],
  ['DELETE', '/v1/keys/{key}', 'admin'],
];
const open = ['/healthz', '/readyz', '/openapi.json', '/metrics'];
const scopes = ['call', 'connect', 'registry', 'admin'];

let gateway;
let victim; // a key of another tenant, with a call that is its own
let callId;
before(async () => {
  gateway = await serveSandbox();
  victim = await gateway.makeKey('victim', ['call']);
  const done = await victim.execute({ tool: 'gmail_fetch_emails', user_id: 'user_123' });
  callId = done.json.id;
  assert.ok(callId, done.body.toString());
});
after(async () => { await gateway.stop(); });

const keyOf = async (tenant, wanted) => {
  await gateway.post('/v1/tenants', { tenant });
  const reply = await gateway.post('/v1/keys', { tenant, scopes: wanted });
  assert.equal(reply.status, 201, reply.body.toString());
  return { id: reply.json.id ?? reply.json.key.id, secret: JSON.stringify(reply.json).match(/sy_live_[A-Za-z0-9_-]+/)[0] };
};

async function wrongCallers() {
  const good = await keyOf('default', ['admin']);
  const revoked = await keyOf('default', ['admin']);
  assert.equal((await gateway.request('DELETE', `/v1/keys/${revoked.id}`)).status, 204);
  const stopped = await keyOf('stopped', ['admin']);
  assert.equal((await gateway.request('PATCH', '/v1/tenants/stopped', { body: { disabled: true } })).status, 200);
  const bearer = (text) => ({ authorization: `Bearer ${text}` });
  const flipped = good.secret.slice(0, -1) + (good.secret.endsWith('A') ? 'B' : 'A');
  const callers = [
    ['no key', {}, 401],
    ['an empty bearer', { authorization: 'Bearer ' }, 401],
    ['a good key as Basic', { authorization: `Basic ${Buffer.from(`key:${good.secret}`).toString('base64')}` }, 401],
    ['a good key in X-Api-Key', { 'x-api-key': good.secret }, 401],
    ['garbage', bearer('sy_live_garbage'), 401],
    ['a good key, last character changed', bearer(flipped), 401],
    ['a good key, one character short', bearer(good.secret.slice(0, -1)), 401],
    ['a good key, one character more', bearer(`${good.secret}A`), 401],
    ['a good key in capitals', bearer(good.secret.toUpperCase()), 401],
    ['a good key of the other environment', bearer(good.secret.replace('sy_live_', 'sy_test_')), 401],
    ["the key's id", bearer(good.id), 401],
    ['a revoked key', bearer(revoked.secret), 401],
    ['a key of a disabled tenant', bearer(stopped.secret), 403],
  ];
  for (const scope of scopes.filter((name) => name !== 'admin')) {
    const key = await keyOf('narrow', [scope]);
    callers.push([`a key with ${scope} alone`, bearer(key.secret), 403, scope]);
  }
  return { callers, good };
}

// All that a caller without rights could have changed.
const state = async () => JSON.stringify(await Promise.all([
  '/v1/registry/export?format=json', '/v1/tenants?limit=200', '/v1/keys?limit=200', '/v1/vendors', '/v1/cases',
].map(async (target) => (target === '/v1/vendors'
  ? (await gateway.get(target)).json.items.map(({ vendor, state: now }) => [vendor, now])
  : (await gateway.get(target)).body.toString()))));

test('the table of routes and scopes is the served one', async () => {
  const document = (await gateway.withKey(null).get('/openapi.json')).json;
  const served = [];
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const method of Object.keys(methods)) if (!open.includes(path)) served.push(`${method.toUpperCase()} ${path}`);
  }
  const pattern = (path) => new RegExp(`^${path.replace(/\{[^}]+\}/g, '[^/]+')}$`);
  for (const one of served) {
    const [method, path] = one.split(' ');
    const tried = routes.filter(([m, target]) => m === method && pattern(path).test(target.split('?')[0]));
    assert.ok(tried.length > 0, `${one} is served and not in the table`);
  }
  assert.equal(routes.length, served.length);
});

test('no wrong caller gets through any route, and nothing changes', async () => {
  const { callers, good } = await wrongCallers();
  const before = await state();
  const counts = new Map();
  for (const [method, template, scope, body, headers = {}] of routes) {
    const target = template.replace('{call}', callId).replace('{key}', good.id);
    for (const [name, credentials, status, has] of callers) {
      if (has === scope) continue;
      const reply = await gateway.withKey(null).request(method, target, { body, headers: { ...headers, ...credentials } });
      const what = `${method} ${target} as ${name}: ${reply.status} ${reply.body}`;
      assert.equal(reply.status, status, what);
      assert.equal(reply.json.code, status === 401 ? 'unauthorized' : 'forbidden', what);
      assert.equal(reply.json.origin, 'caller', what);
      const refused = counts.get(name) ?? [0, 0];
      counts.set(name, [refused[0] + 1, refused[1] + 1]);
    }
  }
  assert.equal(await state(), before);
  const total = [...counts.values()].reduce((sum, [, refused]) => sum + refused, 0);
  report('authorization', {
    section: 'egress',
    title: 'Authorization matrix',
    command: 'tests/run --only api',
    text: `Every one of the ${routes.length} guarded routes as every kind of wrong caller, ${total} requests; afterwards registry, `
      + 'tenants, keys, vendors and cases are as before.',
    columns: ['caller', 'routes tried', 'refused'],
    rows: [...counts].map(([name, [tried, refused]]) => [name, tried, refused]),
  });
});

test('a refusal tells nothing about the key or what is behind the route', async () => {
  const { callers } = await wrongCallers();
  const bodies = new Set();
  for (const [, credentials, status] of callers.filter(([name]) => name !== 'no key')) {
    if (status !== 401) continue;
    for (const target of ['/v1/keys', '/v1/keys/nope', '/v1/calls/call_nope', '/v1/registry/toolkits/nope']) {
      const reply = await gateway.withKey(null).get(target, { headers: credentials });
      if (reply.status === 405) continue;
      bodies.add(JSON.stringify({ ...reply.json, cause: undefined, detail: undefined }));
    }
  }
  assert.equal(bodies.size, 1, [...bodies].join('\n'));
});

test("another tenant's call is not there, in the same words and the same time as one that is not", async () => {
  const unknown = 'call_01JDZZZZZZZZZZZZZZZZZZZZZZ';
  const other = await gateway.makeKey('other', ['call']);
  assert.equal((await victim.get(`/v1/calls/${callId}`)).status, 200);
  const words = async (id) => {
    const reply = await other.get(`/v1/calls/${id}`);
    assert.equal(reply.status, 404);
    return reply.body.toString().replaceAll(id, 'ID');
  };
  assert.equal(await words(callId), await words(unknown));
  // Taken in turns, so that whatever else the machine does meets both alike.
  const times = { foreign: [], unknown: [] };
  for (let i = 0; i < 1500; i++) {
    for (const [kind, id] of [['foreign', callId], ['unknown', unknown]]) {
      const start = process.hrtime.bigint();
      await other.get(`/v1/calls/${id}`);
      times[kind].push(Number(process.hrtime.bigint() - start) / 1000);
    }
  }
  const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
  const [foreign, none] = [median(times.foreign), median(times.unknown)];
  // A difference that tells would show over the network's own noise; half as much again is far below it.
  assert.ok(Math.max(foreign, none) / Math.min(foreign, none) < 1.5, `${foreign} and ${none} µs`);
  report('foreign-ids', {
    section: 'egress',
    title: 'Ids of other tenants',
    command: 'tests/run --only api',
    text: 'A ledger row of another tenant asked for beside one that does not exist, 1,500 times each in '
      + 'turns: same status, same body but for the id.',
    columns: ['id', 'median µs'],
    rows: [['of another tenant', Math.round(foreign)], ['of nobody', Math.round(none)]],
  });
});

test('a tenant cannot look through the eyes of another', async () => {
  const other = await gateway.makeKey('other', ['call']);
  for (const target of ['/v1/calls?tenant=victim', '/v1/resolve?toolkit=gmail&tenant=victim']) {
    const reply = await other.get(target);
    assert.equal(reply.status, 403, `${target}: ${reply.body}`);
  }
  assert.deepEqual((await other.get('/v1/calls')).json.items, []);
});
