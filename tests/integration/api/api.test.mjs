// /v1 from outside: every reply of these tests is held against the served OpenAPI document.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import { eventually, serveSandbox, sleep } from '../gateway/gateway.mjs';
import { allItems, contractOf } from './contract.mjs';

let gateway;
let contract;
let api;
before(async () => {
  gateway = await serveSandbox();
  contract = await contractOf(gateway);
  api = contract.client;
});
after(async () => { await gateway.stop(); });

const fetchMail = { tool: 'gmail_fetch_emails', user_id: 'user_123', arguments: { query: 'is:unread' } };
const problem = (reply, status, code, cause) => {
  assert.equal(reply.status, status, reply.body.toString());
  assert.equal(reply.json.code, code);
  if (cause !== undefined) assert.equal(reply.json.cause, cause);
  return reply.json;
};
const newKey = async (body) => (await api.post('/v1/keys', { tenant: 'default', scopes: ['call'], ...body })).json;

// What a bare connection gets for these bytes, up to the close.
const raw = (bytes) => new Promise((resolve, reject) => {
  const socket = net.connect(Number(new URL(gateway.url).port), '127.0.0.1', () => socket.write(bytes));
  let text = '';
  socket.setTimeout(15000, () => socket.destroy(new Error('no answer')));
  socket.on('data', (chunk) => { text += chunk; });
  socket.on('end', () => { socket.end(); resolve(text); });
  socket.on('error', (error) => (text ? resolve(text) : reject(error)));
});

test('a call: answer, headers, ledger row', async () => {
  const reply = await api.execute(fetchMail, { headers: { 'x-request-id': 'mine-1' } });
  assert.equal(reply.status, 200);
  assert.equal(reply.headers['x-request-id'], 'mine-1');
  assert.equal(reply.headers['x-call-id'], reply.json.id);
  assert.equal(reply.json.route.vendor, 'composio');
  const row = (await api.get(`/v1/calls/${reply.json.id}`)).json;
  assert.equal(row.outcome, 'ok');
  assert.equal(row.user_id, 'user_123');
  assert.ok((await api.execute({ ...fetchMail, explain: true })).json.decision.considered.length > 1);
});

test('bad envelopes: every fault with its place', async () => {
  for (const [body, cause, pointers] of [
    ['{"tool":', 'bad_json', ['']],
    ['{"tool":"a_b","tool":"a_b"}', 'bad_field', ['/tool']],
    ['{"tool":"a_b","nope":1,"timeout_ms":"x"}', 'bad_field', ['/nope', '/timeout_ms']],
    ['{"tool":"../../x"}', 'bad_name', ['/tool']],
    [`{"tool":"${'a'.repeat(129)}"}`, 'bad_name', ['/tool']],
    ['{"tool":"a_b","user_id":"a\\r\\nX: y"}', 'bad_name', ['/user_id']],
    ['{"tool":"a_b","arguments":7}', 'bad_field', ['/arguments']],
    ['[]', 'bad_field', ['']],
    ['', 'bad_json', ['']],
    [`{"tool":"a_b","arguments":${'['.repeat(600)}${']'.repeat(600)}}`, 'bad_json', ['']],
  ]) {
    const found = problem(await api.ask('POST', '/v1/execute', { body: Buffer.from(body) }), 400, 'invalid_request', cause);
    assert.deepEqual(found.errors.map((error) => error.pointer).sort(), pointers, body);
  }
  const bytes = Buffer.concat([Buffer.from('{"tool":"a'), Buffer.from([0xff]), Buffer.from('"}')]);
  problem(await api.ask('POST', '/v1/execute', { body: bytes }), 400, 'invalid_request', 'bad_json');
  const bom = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from('{"tool":"a_b"}')]);
  problem(await api.ask('POST', '/v1/execute', { body: bom }), 400, 'invalid_request', 'bad_json');
});

test('idempotency keys: header and member, replay, conflict', async () => {
  const headers = { 'idempotency-key': 'api-1' };
  const first = await api.execute(fetchMail, { headers });
  const again = await api.execute(fetchMail, { headers });
  assert.equal(first.status, 200);
  assert.equal(first.headers['idempotency-replayed'], undefined);
  assert.equal(again.headers['idempotency-replayed'], 'true');
  assert.deepEqual(again.body, first.body);
  problem(await api.execute({ ...fetchMail, user_id: 'user_124' }, { headers }), 409, 'idempotency_conflict');
  const found = problem(await api.execute({ ...fetchMail, idempotency_key: 'x' }, { headers }), 400, 'invalid_request');
  assert.equal(found.errors[0].header, 'Idempotency-Key');
});

test('what is not a JSON request', async () => {
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'application/json; charset=latin1']) {
    problem(await api.execute(fetchMail, { headers: { 'content-type': type } }), 415, 'unsupported_media_type');
  }
  problem(await api.execute(fetchMail, { headers: { 'content-encoding': 'gzip' } }), 415, 'unsupported_media_type');
});

test('large bodies are refused before they come', async () => {
  const key = gateway.key;
  const head = (more) => `POST /v1/execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\n${more}\r\n\r\n`;
  const text = await raw(`${head('Content-Length: 99999999')}{`);
  assert.match(text, /^HTTP\/1\.1 413 /);
  assert.match(text, /"limit_bytes":4194304/);
  assert.match(text, /x-request-id: \S+/i);
  const chunk = `${(1 << 20).toString(16)}\r\n${'x'.repeat(1 << 20)}\r\n`;
  const chunked = await raw(head('Transfer-Encoding: chunked') + chunk.repeat(5));
  assert.match(chunked, /^HTTP\/1\.1 413 /);
  const stranger = await raw('POST /v1/execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n');
  assert.match(stranger, /^HTTP\/1\.1 401 /);
});

test('refusals of the edge are problem documents', async () => {
  for (const [bytes, status, code] of [
    ['GET / HTTP/1.1\r\n\r\n', 400, 'invalid_request'],
    ['GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', 400, 'invalid_request'],
    [`GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414, 'invalid_request'],
    [`GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(40000)}\r\n\r\n`, 431, 'headers_too_large'],
    ['GET / HTTP/2.0\r\nHost: x\r\n\r\n', 505, 'invalid_request'],
  ]) {
    const text = await raw(bytes);
    const [head, body] = text.split('\r\n\r\n');
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `), text);
    assert.match(head, /content-type: application\/problem\+json/i);
    assert.match(head, /x-request-id: req_/i);
    assert.equal(JSON.parse(body).code, code);
    assert.equal(JSON.parse(body).status, status);
  }
});

test('keys: missing, unknown, scope; what needs none', async () => {
  const nobody = api.withKey(null);
  const missing = await nobody.get('/v1/toolkits');
  problem(missing, 401, 'unauthorized', 'key_missing');
  assert.equal(missing.headers['www-authenticate'], 'Bearer');
  problem(await api.withKey('sy_live_nope').get('/v1/toolkits'), 401, 'unauthorized', 'key_unknown');
  const caller = api.withKey((await newKey({})).secret);
  assert.equal((await caller.get('/v1/toolkits?limit=1')).status, 200);
  for (const target of ['/v1/registry/toolkits', '/v1/keys', '/v1/vendors', '/v1/cases']) {
    problem(await caller.get(target), 403, 'forbidden', 'scope');
  }
  for (const target of ['/healthz', '/readyz', '/openapi.json']) assert.equal((await nobody.get(target)).status, 200);
});

test('methods and paths', async () => {
  const wrong = await api.get('/v1/execute');
  problem(wrong, 405, 'method_not_allowed');
  assert.equal(wrong.headers.allow, 'POST, OPTIONS');
  const options = await api.ask('OPTIONS', '/v1/registry/toolkits/gmail');
  assert.equal(options.status, 204);
  assert.equal(options.headers.allow, 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS');
  const head = await api.ask('HEAD', '/v1/toolkits');
  assert.equal(head.status, 200);
  assert.ok(Number(head.headers['content-length']) > 2);
  assert.equal(head.body.length, 0);
  problem(await api.get('/v1/nothing'), 404, 'not_found');
  problem(await api.get('/v1/calls/%2e%2e'), 400, 'invalid_request', 'bad_name');
  problem(await api.get('/v1/calls/call_nope'), 404, 'not_found');
});

test('query parameters are strict', async () => {
  for (const [target, parameter] of [
    ['/v1/toolkits?limt=1', 'limt'], ['/v1/toolkits?limit=0', 'limit'], ['/v1/toolkits?limit=201', 'limit'], ['/v1/toolkits?limit=1&limit=2', 'limit'],
    ['/v1/toolkits?cursor=zzz', 'cursor'], ['/v1/resolve', 'tool'], ['/v1/resolve?tool=%2e%2e%2fx', 'tool'], ['/v1/resolve?tool=a_b&explain=1', 'explain'],
    ['/v1/resolve?tool=a_b&user_id=a%2Cb', 'user_id'], ['/v1/cases?state=odd', 'state'], ['/v1/registry/export?format=xml', 'format'], ['/v1/registry/toolkits?status=odd', 'status'],
  ]) {
    const found = problem(await api.get(target), 400, 'invalid_request');
    assert.deepEqual(found.errors.map((error) => error.parameter), [parameter], target);
  }
});

test('resolve decides and executes nothing', async () => {
  const before = (await gateway.sandbox.counts());
  const decision = (await api.get('/v1/resolve?tool=GMAIL_FETCH_EMAILS&user_id=user_123')).json;
  assert.equal(decision.decision, 'route');
  assert.equal(decision.candidates[0].vendor, 'composio');
  assert.ok(decision.considered.some((one) => !one.taken));
  assert.equal((await api.get('/v1/resolve?tool=gmail_fetch_emails&explain=false')).json.considered, undefined);
  assert.equal((await api.get('/v1/resolve?tool=quuxly_do_it')).json.decision, 'probe');
  assert.deepEqual(await gateway.sandbox.counts(), before);
  const caller = api.withKey((await newKey({})).secret);
  problem(await caller.get('/v1/resolve?tool=gmail_fetch_emails&tenant=other'), 403, 'forbidden');
  problem(await api.get('/v1/resolve?tool=gmail_fetch_emails&tenant=other'), 404, 'not_found');
});

test('toolkits: pages join to the whole, search, one', async () => {
  const all = (await api.get('/v1/toolkits?limit=200')).json.items;
  assert.ok(all.length > 20);
  assert.deepEqual((await allItems(api, '/v1/toolkits', 7)).map((item) => item.toolkit), all.map((item) => item.toolkit));
  assert.ok((await api.get('/v1/toolkits?search=GMA')).json.items.every((item) => item.toolkit.includes('gma')));
  assert.equal((await api.get('/v1/toolkits/G-Mail')).json.vendor, 'composio');
  problem(await api.get('/v1/toolkits/nonesuch'), 404, 'not_found');
});

test('calls: pages, filters, and other tenants see nothing', async () => {
  assert.equal((await api.post('/v1/tenants', { tenant: 'acme', labels: { region: 'eu' } })).status, 201);
  problem(await api.post('/v1/tenants', { tenant: 'acme' }), 409, 'conflict');
  const acme = api.withKey((await newKey({ tenant: 'acme' })).secret);
  const ids = [];
  for (let i = 0; i < 5; i++) ids.push((await acme.execute({ ...fetchMail, tool: i % 2 ? 'gmail_nonesuch_tool' : 'gmail_fetch_emails' })).headers['x-call-id']);
  const rows = await allItems(acme, '/v1/calls', 2);
  assert.deepEqual(rows.map((row) => row.id), ids.slice().reverse());
  assert.ok(rows.every((row) => row.tenant === 'acme'));
  const failed = (await acme.get('/v1/calls?code=' + rows.find((row) => row.code).code)).json.items;
  assert.ok(failed.length > 0 && failed.every((row) => row.outcome === 'failed'));
  const other = api.withKey((await newKey({})).secret);
  problem(await other.get(`/v1/calls/${ids[0]}`), 404, 'not_found');
  problem(await other.get('/v1/calls?tenant=acme'), 403, 'forbidden');
  assert.ok(!(await allItems(other, '/v1/calls', 50)).some((row) => ids.includes(row.id)));
  assert.equal((await api.get(`/v1/calls/${ids[0]}`)).status, 200);
  assert.equal((await api.get('/v1/calls?tenant=acme')).json.items.length, 5);
});

test('tenants: labels, disabling', async () => {
  await api.post('/v1/tenants', { tenant: 'beta' });
  const beta = api.withKey((await newKey({ tenant: 'beta' })).secret);
  assert.equal((await beta.execute(fetchMail)).status < 500, true);
  assert.equal((await api.ask('PATCH', '/v1/tenants/beta', { body: { disabled: true, labels: { tier: 'gold' } } })).json.labels.tier, 'gold');
  problem(await beta.execute(fetchMail), 403, 'forbidden');
  assert.deepEqual((await api.ask('PATCH', '/v1/tenants/beta', { body: { disabled: false } })).json, { tenant: 'beta', labels: { tier: 'gold' }, disabled: false });
  assert.notEqual((await beta.get('/v1/toolkits?limit=1')).status, 403);
  assert.deepEqual((await allItems(api, '/v1/tenants', 1)).map((one) => one.tenant), ['acme', 'beta', 'default']);
  assert.equal((await api.get('/v1/tenants/acme')).json.labels.region, 'eu');
  problem(await api.get('/v1/tenants/nobody'), 404, 'not_found');
  problem(await api.ask('PATCH', '/v1/tenants/nobody', { body: {} }), 404, 'not_found');
  problem(await api.post('/v1/tenants', { tenant: 'Not Good' }), 400, 'invalid_request', 'bad_name');
});

test('keys: shown once, revoked at once on every thread', async () => {
  const made = await newKey({ scopes: ['call', 'registry'], environment: 'development', name: 'robot' });
  assert.match(made.secret, /^sy_test_/);
  assert.match((await newKey({})).secret, /^sy_live_/);
  const listed = (await allItems(api, '/v1/keys?tenant=default', 2)).find((key) => key.id === made.id);
  assert.deepEqual(listed.scopes, ['call', 'registry']);
  assert.equal(listed.secret, undefined);
  const robot = api.withKey(made.secret);
  assert.equal((await robot.get('/v1/registry/toolkits?limit=1')).status, 200);
  assert.equal((await api.ask('DELETE', `/v1/keys/${made.id}`)).status, 204);
  const replies = await Promise.all(Array.from({ length: 40 }, () => robot.get('/v1/toolkits?limit=1')));
  assert.ok(replies.every((reply) => reply.status === 401));
  problem(await api.ask('DELETE', '/v1/keys/key_nope'), 404, 'not_found');
  problem(await api.post('/v1/keys', { tenant: 'nobody', scopes: ['call'] }), 404, 'not_found');
  const found = problem(await api.post('/v1/keys', { tenant: 'default', scopes: ['root'], environment: 'staging' }), 400, 'invalid_request');
  assert.deepEqual(found.errors.map((error) => error.pointer), ['/scopes/0', '/environment']);
  problem(await api.post('/v1/keys', { tenant: 'default', scopes: [] }), 400, 'invalid_request');
});

test('registry: create, read, replace, patch, delete, with versions', async () => {
  const at = '/v1/registry/toolkits/apitest';
  const rows = [{ vendor: 'COMPOSIO', vendor_slug: 'gmail2', status: 'live', aliases: ['api_test_mail'], notes: 'first' }];
  problem(await api.get(at), 404, 'not_found');
  problem(await api.ask('PUT', at, { body: rows }), 428, 'precondition_required');
  problem(await api.ask('PUT', at, { body: rows, headers: { 'if-match': '"1"' } }), 412, 'precondition_failed');
  const created = await api.ask('PUT', `${at}?reason=trial`, { body: rows, headers: { 'if-none-match': '*' } });
  assert.equal(created.status, 201);
  problem(await api.ask('PUT', at, { body: rows, headers: { 'if-none-match': '*' } }), 412, 'precondition_failed');
  const read = await api.get(at);
  assert.equal(read.headers.etag, created.headers.etag);
  assert.equal(read.json[0].vendor, 'composio');
  assert.equal((await api.get('/v1/registry/toolkits/API-Test-Mail')).headers.etag, read.headers.etag);
  const put = await api.ask('PUT', at, { body: read.json, headers: { 'if-match': read.headers.etag } });
  assert.equal(put.headers.etag, read.headers.etag, 'nothing changed');
  const patched = await api.ask('PATCH', at, { body: [{ vendor: 'composio', notes: null, rank: 3 }, { vendor: 'pipedream', status: 'LIVE' }], headers: { 'if-match': put.headers.etag } });
  assert.equal(patched.status, 200);
  assert.deepEqual(patched.json.map((row) => [row.vendor, row.rank, row.notes]), [['composio', 3, undefined], ['pipedream', undefined, undefined]]);
  problem(await api.ask('PATCH', at, { body: [{ vendor: 'composio', rank: 4 }], headers: { 'if-match': put.headers.etag } }), 412, 'precondition_failed');
  problem(await api.ask('PATCH', '/v1/registry/toolkits/nonesuch', { body: [{ vendor: 'composio' }], headers: { 'if-match': '*' } }), 404, 'not_found');
  assert.equal((await api.ask('DELETE', `${at}?vendor=pipedream`, { headers: { 'if-match': patched.headers.etag } })).status, 204);
  assert.equal((await api.get(at)).json.length, 1);
  problem(await api.ask('DELETE', at), 428, 'precondition_required');
  assert.equal((await api.ask('DELETE', at, { headers: { 'if-match': '*' } })).status, 204);
  problem(await api.get(at), 404, 'not_found');
  const history = (await api.get(`${at}/history`)).json.items;
  assert.equal(history.length, 4);
  assert.equal(history[3].reason, 'trial');
  assert.equal(history[3].before, null);
  assert.match(history[0].actor, /^key_/);
  assert.equal(history[0].after, null);
});

test('registry: a bad row says which member', async () => {
  const put = (body) => api.ask('PUT', '/v1/registry/toolkits/badrow', { body, headers: { 'if-none-match': '*' } });
  for (const [rows, pointer] of [
    [[{ vendor: 'zapier', status: 'LIVE' }], '/0/vendor'], [[{ vendor: 'composio', status: 'SOMETIMES' }], '/0/status'],
    [[{ vendor: 'worker', status: 'LIVE', endpoint: 'ftp://x', secret: 'billing' }], '/0/endpoint'], [[{ vendor: 'composio', status: 'LIVE', colour: 'red' }], '/0/colour'],
  ]) {
    const found = problem(await put(rows), 400, 'invalid_request');
    assert.ok(found.errors.some((error) => error.pointer === pointer), JSON.stringify(found.errors));
  }
  problem(await put([]), 400, 'invalid_request');
  problem(await put({}), 400, 'invalid_request');
  problem(await api.ask('PUT', '/v1/registry/toolkits/badrow', { body: Buffer.from('[{'), headers: { 'if-none-match': '*' } }), 400, 'invalid_request');
});

test('registry: a dry run shows the decision before and after, and changes nothing', async () => {
  const before = await api.get('/v1/registry/toolkits/gmail');
  const patch = (target, body) => api.ask('PATCH', target, { body, headers: { 'if-match': before.headers.etag } });
  const effect = (await patch('/v1/registry/toolkits/gmail?dry_run=true', [{ vendor: 'scalekit', rank: 1 }])).json;
  assert.equal(effect.decision.changes, true);
  assert.equal(effect.decision.before.candidates[0].vendor, 'composio');
  assert.equal(effect.decision.after.candidates[0].vendor, 'scalekit');
  assert.equal((await patch('/v1/registry/toolkits/gmail?dry_run=true', [{ vendor: 'scalekit', notes: 'x' }])).json.decision.changes, false);
  const gone = (await api.ask('DELETE', '/v1/registry/toolkits/gmail?dry_run=true', { headers: { 'if-match': '*' } })).json;
  assert.notEqual(gone.decision.after.decision, 'route');
  assert.equal((await api.get('/v1/registry/toolkits/gmail')).headers.etag, before.headers.etag);
});

test('a change is in force on every thread when it is answered', async () => {
  const at = '/v1/registry/toolkits/gmail';
  for (const vendor of ['scalekit', 'composio', 'scalekit', 'composio']) {
    const etag = (await api.get(at)).headers.etag;
    const rank = { composio: vendor === 'composio' ? 1 : 2, scalekit: vendor === 'scalekit' ? 1 : 2 };
    const done = await api.ask('PATCH', at, { body: Object.entries(rank).map(([name, value]) => ({ vendor: name, rank: value })), headers: { 'if-match': etag } });
    assert.equal(done.status, 200);
    const replies = await Promise.all(Array.from({ length: 30 }, () => api.get('/v1/resolve?tool=gmail_fetch_emails')));
    assert.deepEqual([...new Set(replies.map((reply) => reply.json.candidates[0].vendor))], [vendor]);
  }
});

test('registry: what is exported imports as it was, in every format', async () => {
  const versions = [];
  for (const [format, type] of [['json', 'application/json'], ['yaml', 'application/yaml'], ['md', 'text/markdown']]) {
    const document = await api.get(`/v1/registry/export?format=${format}`);
    assert.equal(document.headers['content-type'].split(';')[0], type);
    const dry = await api.ask('POST', '/v1/registry/import?dry_run=true', { body: document.body, headers: { 'content-type': type } });
    assert.equal(dry.json.dry_run, true);
    const real = await api.ask('POST', `/v1/registry/import?format=${format}`, { body: document.body, headers: { 'content-type': 'text/plain' } });
    assert.equal(real.status, 200, real.body.toString());
    assert.ok(real.json.rows > 100);
    versions.push(real.json.version);
  }
  assert.equal(new Set(versions).size, 1, 'nothing changed');
  problem(await api.ask('POST', '/v1/registry/import', { body: 'x', headers: { 'content-type': 'text/plain' } }), 415, 'unsupported_media_type');
  const found = problem(await api.ask('POST', '/v1/registry/import', { body: Buffer.from('- {toolkit: a, vendor: nope, status: LIVE}\n- {toolkit: b, vendor: composio, status: ODD}\n'), headers: { 'content-type': 'application/yaml' } }), 400, 'invalid_request');
  assert.equal(found.errors.length, 2);
  assert.match(found.errors[0].detail, /:1:/);
});

test('registry: pages join to the whole; filters', async () => {
  const all = (await allItems(api, '/v1/registry/toolkits', 200)).map((one) => one.toolkit);
  assert.deepEqual((await allItems(api, '/v1/registry/toolkits', 13)).map((one) => one.toolkit), all);
  const workers = (await api.get('/v1/registry/toolkits?vendor=worker')).json.items;
  assert.ok(workers.length > 0 && workers.every((one) => one.rows.some((row) => row.vendor === 'worker')));
  const pending = (await api.get('/v1/registry/toolkits?status=pending-native')).json.items;
  assert.ok(pending.every((one) => one.rows.some((row) => row.status === 'PENDING-NATIVE')));
});

test('cases: opened by calls, listed by demand, closed once', async () => {
  for (let i = 0; i < 3; i++) problem(await api.execute({ tool: 'zzquuxly_do_it', arguments: {} }), 404, 'toolkit_missing');
  const one = problem(await api.execute({ tool: 'ZZ-Quuxly-Do-It', toolkit: 'zz quuxly' }), 404, 'toolkit_missing');
  problem(await api.execute({ tool: 'yyfrobnic_do_it' }), 404, 'toolkit_missing');
  const listed = (await allItems(api, '/v1/cases', 1));
  assert.equal(listed[0].id, one.case_id);
  assert.equal(listed[0].calls, 4);
  assert.deepEqual(listed[0].tenants, { default: 4 });
  assert.equal((await api.get(`/v1/cases/${one.case_id}`)).json.state, 'open');
  const closed = await api.post(`/v1/cases/${one.case_id}/close`, { resolution: 'built a worker' });
  assert.equal(closed.json.state, 'closed');
  assert.equal(closed.json.resolution, 'built a worker');
  problem(await api.post(`/v1/cases/${one.case_id}/close`, {}), 409, 'conflict');
  problem(await api.ask('POST', '/v1/cases/case_nope/close'), 404, 'not_found');
  assert.ok(!(await api.get('/v1/cases')).json.items.some((item) => item.id === one.case_id));
  assert.ok((await api.get('/v1/cases?state=all')).json.items.some((item) => item.id === one.case_id));
});

test('vendors: the kill switch works at once, and is undone', async () => {
  const shown = await api.post('/v1/vendors/pipedream/quarantine');
  assert.equal(shown.json.state, 'quarantined');
  const replies = await Promise.all(Array.from({ length: 20 }, () => api.get('/v1/vendors')));
  assert.ok(replies.every((reply) => reply.json.items.find((one) => one.vendor === 'pipedream').quarantined));
  assert.equal((await api.post('/v1/vendors/pipedream/release')).json.quarantined, false);
  problem(await api.post('/v1/vendors/zapier/quarantine'), 404, 'not_found');
});

test('triage answers, and refuses what it does not know', async () => {
  const found = await api.post('/v1/triage', { provider: 'gmail' });
  assert.equal(found.status, 200, found.body.toString());
  assert.deepEqual([found.json.decided_by, found.json.path], ['registry', 'native']);
  assert.equal((await api.post('/v1/triage', { provider: 'zz quuxly two' })).json.path, 'pending');
  assert.equal((await api.post('/v1/triage', { provider: 'zz quuxly two', criticality: 'high' })).json.path, 'worker');
  const applied = (await api.post('/v1/triage', { provider: 'zz quuxly three', apply: true })).json;
  assert.equal(applied.applied, true);
  problem(await api.execute({ tool: 'zz_quuxly_three_do', toolkit: applied.toolkit }), 501, 'toolkit_pending');
  const refused = problem(await api.post('/v1/triage', { provider: 'x', needs: ['speed'], criticality: 'dire' }), 400, 'invalid_request');
  assert.deepEqual(refused.errors.map((error) => error.pointer), ['/needs/0', '/criticality']);
});

test('a client that hangs up cancels its read', async () => {
  const abort = new AbortController();
  await gateway.sandbox.fault({ vendor: 'composio', fault: { delay_ms: 3000 } });
  const hung = gateway.execute({ ...fetchMail, user_id: 'user_123', vendor: 'composio' }, { signal: abort.signal }).then(() => 'answered', () => 'gone');
  await sleep(300);
  abort.abort();
  assert.equal(await hung, 'gone');
  await eventually('the row of the lost call', async () => (await api.get('/v1/calls?limit=5')).json.items.some((row) => row.cause === 'client_gone'), 5000);
  await gateway.sandbox.clearFaults();
});

test('the admin port: metrics without a key, and nothing else', async () => {
  const page = await gateway.admin.get('/metrics');
  assert.equal(page.status, 200);
  assert.match(page.headers['content-type'], /^text\/plain; version=0\.0\.4/);
  const lines = page.body.toString().trimEnd().split('\n');
  for (const line of lines) assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="([^"\\\n]|\\.)*",?)+\})? -?[0-9.e+]+)$/);
  const value = (name) => Number(lines.find((line) => line.startsWith(`${name} `)).split(' ').pop());
  assert.ok(lines.some((line) => line.startsWith('switchyard_calls_total{vendor="composio",path="native",code="ok"} ')));
  assert.ok(lines.some((line) => line.startsWith('switchyard_http_requests_total{route="execute",status="200"} ')));
  assert.equal(value('switchyard_calls_in_flight'), 0);
  assert.ok(value('switchyard_snapshot_version') > 0);
  assert.equal((await gateway.admin.get('/healthz')).status, 200);
  assert.equal((await gateway.admin.get('/v1/keys')).status, 404);
  assert.equal((await api.client.get('/metrics')).status, 404);
});

test('every operation of the document was used', () => {
  assert.deepEqual(contract.operations.filter((id) => !contract.used.has(id)), []);
});

// Last, because nothing is left afterwards.
test('a drain answers what is in flight, writes included', async () => {
  const etag = (await api.get('/v1/registry/toolkits/gmail')).headers.etag;
  const work = Array.from({ length: 60 }, (_, i) => [
    gateway.request('PATCH', '/v1/registry/toolkits/gmail', { body: [{ vendor: 'composio', notes: `n${i}` }], headers: { 'if-match': '*' } }),
    gateway.request('GET', '/v1/calls?limit=5'),
    gateway.execute(fetchMail),
  ]).flat().map((reply) => reply.then((found) => found.status, (error) => error.code));
  await sleep(60);
  gateway.signal('SIGTERM');
  const statuses = await Promise.all(work);
  const how = await gateway.exited;
  assert.equal(how.code, 0, gateway.output().stderr.slice(-5000));
  assert.ok(etag && statuses.filter((status) => status === 200).length > 20, statuses.join());
  assert.ok(statuses.every((status) => [200, 503, 'ECONNREFUSED', 'ECONNRESET'].includes(status)), statuses.join());
});
