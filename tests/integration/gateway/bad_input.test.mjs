// Bad input gets a typed problem document with a pointer to the place, and the process stays up.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { configured, corpora, inParallel } from './gateway.mjs';

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

const refusedAt = async (body, pointer, { status = 400, code = 'invalid_request', target = '/v1/execute', ...options } = {}) => {
  const reply = await gateway.post(target, body, options);
  const what = `${String(body).slice(0, 80)}: ${reply.status} ${reply.body.toString().slice(0, 400)}`;
  assert.equal(reply.status, status, what);
  assert.equal(reply.headers['content-type'], 'application/problem+json', what);
  assert.equal(reply.json.code, code, what);
  if (pointer !== undefined) assert.ok(reply.json.errors.some((one) => one.pointer === pointer && one.detail), what);
  return reply;
};
const nested = (depth) => `{"tool":"echo_echo","arguments":{"v":${'['.repeat(depth)}${']'.repeat(depth)}}}`;

const envelopes = [
  ['no body', '', ''],
  ['broken JSON', '{"tool": "echo_echo"', ''],
  ['a trailing comma', '{"tool": "echo_echo",}', ''],
  ['something behind the end', '{"tool": "echo_echo"} x', ''],
  ['a BOM', '\ufeff{"tool": "echo_echo"}', ''],
  ['an array', '[]', ''],
  ['a string', '"echo_echo"', ''],
  ['null', 'null', ''],
  ['no tool', '{}', '/tool'],
  ['null for a tool', '{"tool": null}', '/tool'],
  ['a number for a tool', '{"tool": 7}', '/tool'],
  ['an empty tool', '{"tool": ""}', '/tool'],
  ['a tool twice', '{"tool": "echo_echo", "tool": "echo_write"}', '/tool'],
  ['a tool twice, spelled with an escape', '{"tool": "echo_echo", "to\\u006fl": "echo_write"}', '/tool'],
  ['an unknown member', '{"tool": "echo_echo", "toolz": 1}', '/toolz'],
  ['an unknown member whose name needs escaping', '{"tool": "echo_echo", "a/b~c": 1}', '/a~1b~0c'],
  ['arguments that are an array', '{"tool": "echo_echo", "arguments": []}', '/arguments'],
  ['arguments that are text', '{"tool": "echo_echo", "arguments": "{}"}', '/arguments'],
  ['a user that is a number', '{"tool": "echo_echo", "user_id": 1}', '/user_id'],
  ['an empty user', '{"tool": "echo_echo", "user_id": ""}', '/user_id'],
  ['a user with a comma', '{"tool": "echo_echo", "user_id": "a,b"}', '/user_id'],
  ['a user with a line break', '{"tool": "echo_echo", "user_id": "a\\r\\nX-Evil: 1"}', '/user_id'],
  ['a user with a NUL', '{"tool": "echo_echo", "user_id": "a\\u0000b"}', '/user_id'],
  ['a user with half a surrogate pair', '{"tool": "echo_echo", "user_id": "a\\ud800b"}', '/user_id'],
  ['a user over 200 bytes', `{"tool": "echo_echo", "user_id": "${'u'.repeat(201)}"}`, '/user_id'],
  ['a tool over 128 characters', `{"tool": "echo_${'e'.repeat(124)}"}`, '/tool'],
  ['a tool with a path escape', '{"tool": "echo_/../../admin"}', '/tool'],
  ['a tool with percent signs', '{"tool": "echo_%2e%2e%2fadmin"}', '/tool'],
  ['a tool with a line break', '{"tool": "echo_echo\\r\\nHost: evil"}', '/tool'],
  ['a toolkit with a path escape', '{"tool": "echo", "toolkit": "../echo"}', '/toolkit'],
  ['an unknown vendor', '{"tool": "echo_echo", "vendor": "nobody"}', '/vendor'],
  ['a connection of no vendor', '{"tool": "echo_echo", "connection_id": "ca_1"}', '/connection_id'],
  ['a connection with a line break', '{"tool": "echo_echo", "connection_id": "composio:ca_1\\r\\nX: 1"}', '/connection_id'],
  ['a timeout that is text', '{"tool": "echo_echo", "timeout_ms": "5"}', '/timeout_ms'],
  ['a timeout of nothing', '{"tool": "echo_echo", "timeout_ms": 0}', '/timeout_ms'],
  ['a timeout over five minutes', '{"tool": "echo_echo", "timeout_ms": 300001}', '/timeout_ms'],
  ['a timeout with a fraction', '{"tool": "echo_echo", "timeout_ms": 1.5}', '/timeout_ms'],
  ['an explain that is text', '{"tool": "echo_echo", "explain": "yes"}', '/explain'],
  ['a key of spaces', '{"tool": "echo_echo", "idempotency_key": "a b"}', '/idempotency_key'],
];
for (const [name, body, pointer] of envelopes) {
  test(`${name} is invalid_request at ${pointer || 'the document'}`, async () => { await refusedAt(body, pointer); });
}

test('several faults are told at once', async () => {
  const reply = await refusedAt('{"toolz": 1, "user_id": 5, "explain": 0}', '/tool');
  assert.deepEqual(new Set(reply.json.errors.map((one) => one.pointer)), new Set(['/tool', '/toolz', '/user_id', '/explain']));
});

test('depth 512 passes, more is refused, a hundred thousand levels are refused at once', async () => {
  assert.equal((await gateway.execute(nested(505).replace('"tool"', '"user_id":"user_123","vendor":"composio","tool"'))).status, 200);
  for (const depth of [513, 5000, 100000, 1000000]) await refusedAt(nested(depth), undefined);
});

test('invalid UTF-8 is refused wherever it stands', async () => {
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0xf8, 0x88, 0x80, 0x80, 0x80]]) {
    for (const [head, tail] of [['{"tool":"', '"}'], ['{"tool":"echo_echo","arguments":{"v":"', '"}}'], ['{"tool":"echo_echo","arguments":{"', '":1}}'], ['{"tool":"echo_echo","user_id":"', '"}']])
      await refusedAt(Buffer.concat([Buffer.from(head), Buffer.from(bytes), Buffer.from(tail)]), undefined);
  }
});

test('another content type is unsupported_media_type, a body over the limit payload_too_large', async () => {
  await refusedAt('tool=echo_echo', undefined, { status: 415, code: 'unsupported_media_type', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  const reply = await refusedAt(Buffer.alloc(5 << 20, 0x20), undefined, { status: 413, code: 'payload_too_large', agent: false });
  assert.equal(reply.json.limit_bytes, 4 << 20);
});

test('what is not there is not_found, and a wrong method says which are right', async () => {
  for (const target of ['/v1', '/v1/nothing', '/v1/calls/call_none', '/v1/cases/none', '/v1/registry/toolkits/none', '/', '/v1/execute/', '/v1/calls/%2e%2e%2fkeys']) {
    const reply = await gateway.get(target);
    assert.ok([404, 405, 400].includes(reply.status), `${target}: ${reply.status} ${reply.body}`);
    assert.equal(reply.headers['content-type'], 'application/problem+json', target);
  }
  const reply = await gateway.get('/v1/execute');
  assert.deepEqual([reply.status, reply.json.code], [405, 'method_not_allowed']);
  assert.match(reply.headers.allow, /POST/);
});

test('a subject over the vendor’s limit is invalid_request', async () => {
  const long = { tool: 'echo_echo', vendor: 'scalekit', user_id: 'u'.repeat(120) };
  await refusedAt(JSON.stringify(long), '/user_id');
});

// Every line of the corpora, as it is, wherever a caller may put a string.
function strings() {
  const found = new Set(JSON.parse(readFileSync(path.join(corpora, 'injection-strings/blns/blns.json'), 'utf8')));
  for (const name of readdirSync(path.join(corpora, 'injection-strings'), { recursive: true })) {
    const file = path.join(corpora, 'injection-strings', name);
    if (statSync(file).isFile() && !/\.json$|README|LICENSE|copyright/.test(name)) for (const line of readFileSync(file, 'utf8').split('\n')) found.add(line);
  }
  for (const line of readFileSync(path.join(corpora, 'ssrf/crlf-injection.txt'), 'utf8').split('\n')) found.add(line).add(decodeURIComponent(line.replace(/%(?![0-9a-f]{2})/gi, '%25').replace(/%[89a-f][0-9a-f]/gi, '')));
  return [...found];
}

test('every injection string is kept byte for byte or refused with a typed 4xx, in every place', { skip: corpora ? false : 'skipped: no corpora', timeout: 240000 }, async () => {
  const wrong = [];
  const all = strings();
  assert.ok(all.length > 3500, String(all.length));
  const check = async (what, text, reply, kept) => {
    const typed = reply.status >= 400 && reply.status < 500 && reply.headers['content-type'] === 'application/problem+json';
    const fine = reply.status === 200 || reply.status === 201 ? kept(reply) : typed;
    if (!fine) wrong.push(`${what} ${JSON.stringify(text).slice(0, 100)}: ${reply.status} ${reply.body.toString().slice(0, 200)}`);
  };
  const turn = ['composio', 'scalekit', 'pipedream'];
  await inParallel(all, 16, async (text, i) => {
    const args = Buffer.from(JSON.stringify({ v: text, [text === 'echo' ? 'w' : text]: 1 }));
    const vendor = turn[i % 3];
    await check('argument', text, await gateway.executeRaw({ tool: 'echo_echo', vendor, user_id: 'user_123' }, args), (reply) => reply.body.includes(Buffer.concat([Buffer.from('"data":'), args])));
    await check('user', text, await gateway.execute({ tool: 'hackernews_get_user', user_id: text, arguments: { username: 'pg' } }), () => true);
    await check('tool', text, await gateway.execute({ tool: `echo_${text}`, toolkit: 'echo', vendor, user_id: 'user_123' }), () => true);
    await check('connection', text, await gateway.execute({ tool: 'echo_echo', user_id: 'user_123', connection_id: `${vendor}:${text}` }), () => true);
    await check('toolkit', text, await gateway.get(`/v1/toolkits?search=${encodeURIComponent(text.replace(/[\ud800-\udfff]/g, ''))}`), () => true);
    await check('row', text, await gateway.get(`/v1/registry/toolkits/${encodeURIComponent(text.replace(/[\ud800-\udfff]/g, '')) || 'x'}`), () => true);
    await check('tenant', text, await gateway.post('/v1/tenants', { tenant: text }), (reply) => reply.json.tenant === text);
    if (i % 10 === 0) await check('key', text, await gateway.execute({ tool: 'echo_echo', vendor, user_id: 'user_123', idempotency_key: text }), () => true);
    if (i % 10 === 0) await check('provider', text, await gateway.post('/v1/triage', { provider: text }), () => true);
  });
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} wrong`);
  // Nothing that was sent to a vendor left its place: no foreign header, no foreign path.
  for (const one of await setup.sandbox.requests('limit=1000')) {
    assert.ok(!/\/\.\.?(\/|$|\?)/.test(one.target), one.target);
    assert.ok(!/x-evil|set-cookie|[\r\n]/i.test(JSON.stringify(Object.keys(one.headers))), JSON.stringify(one.headers));
  }
  assert.equal((await gateway.get('/healthz')).status, 200);
});
