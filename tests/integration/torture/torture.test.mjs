// Whatever fails below the gateway, it does not crash, leak, lie or repeat itself.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { Client, configured, eventually, root } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';
import { Page } from './page.mjs';

const build = process.env.SY_BUILD_DIR ?? path.join(root, 'build/asan-ubsan');
const program = path.join(build, 'tests/switchyard-torture');
const skip = existsSync(program) ? false : `skipped: ${program} is not built`;
process.env.SWITCHYARD_BIN = program;
const stride = Number(process.env.SY_TORTURE_STRIDE ?? 0); // 0: what fits into tests/run
const only = new RegExp(process.env.SY_TORTURE_STEP ?? '');

// At 0 a step's points are spread over its calls, the same number for a long step and a short one.
const strideOf = (calls, forGood) => (stride || Math.max(1, Math.round(calls / (forGood ? 4 : 12)))) * (stride > 1 && forGood ? 4 : 1);

let setup;
let gateway;
let page;
let serial = 0;
let ended = null; // how the gateway ended, if it did
before(async () => {
  if (skip) return;
  setup = await configured({
    change: (text) => text.replace('threads: 2', 'threads: 1'),
    prepare: ({ dir, env }) => { page = new Page(path.join(dir, 'torture')); env.SY_TORTURE = page.file; },
  });
  gateway = await setup.serve();
  gateway.exited.then((how) => { ended = how; });
});
after(async () => {
  if (skip) return;
  page.disarm();
  await gateway.stop(); // exit code 0: no leak either
  await setup.stop();
});

// libcurl may lose sight of a socket for want of memory: then the caller's deadline answers.
const read = (vendor) => ({ tool: 'echo_echo', vendor, user_id: 'user_123', timeout_ms: 1500 });
const steps = {
  'a read at Composio': (ask, n) => ask.execute({ ...read('composio'), arguments: { n } }),
  'a read at Scalekit': (ask, n) => ask.execute({ ...read('scalekit'), arguments: { n } }),
  'a read at Pipedream': (ask, n) => ask.execute({ ...read('pipedream'), arguments: { n } }),
  'a call of a worker': (ask, n) => ask.execute({ tool: 'billing_echo', timeout_ms: 1500, arguments: { n } }),
  'a write with a key': (ask, n) => ask.execute({ tool: 'echo_write', vendor: 'composio', user_id: 'user_123', timeout_ms: 1500, arguments: { n } }, { headers: { 'idempotency-key': `torture-${n}` } }),
  'a call with a fallback': (ask, n) => ask.execute({ tool: 'echo_echo', user_id: 'user_123', timeout_ms: 1500, arguments: { n }, explain: true }),
  'a missing toolkit': (ask) => ask.execute({ tool: 'nobody_has_this', toolkit: 'nobodyhasthis' }),
  'a decision': (ask) => ask.get('/v1/resolve?tool=gmail_fetch_emails&explain=true'),
  'a change of the registry': (ask, n) => ask.request('PATCH', '/v1/registry/toolkits/echo', { headers: { 'if-match': '*' }, body: [{ vendor: 'composio', notes: `n ${n}` }] }),
  'a new key': (ask, n) => ask.post('/v1/keys', { tenant: 'default', scopes: ['call'], name: `k${n}` }),
  'the ledger': (ask) => ask.get('/v1/calls?limit=20'),
  'the metrics': (_, __, admin) => admin.get('/metrics'),
};
const wellDone = { 'a missing toolkit': 404, 'a new key': 201 };

// A connection of its own for each request, so that a broken one stays the request's own trouble.
const fresh = (url, key) => new Client(url, key, new http.Agent({ keepAlive: false }));

async function tryStep(name, ms) {
  const n = ++serial;
  const signal = AbortSignal.timeout(ms);
  const ask = fresh(gateway.url, gateway.key);
  const request = ask.request.bind(ask);
  ask.request = (method, target, options = {}) => request(method, target, { ...options, signal });
  const start = Date.now();
  try {
    return Object.assign(await steps[name](ask, n, fresh(gateway.admin.url, null)), { n, ms: Date.now() - start });
  } catch (error) {
    return { n, lost: error.name === 'TimeoutError' || error.name === 'AbortError' ? 'hung' : error.code ?? error.name, ms: Date.now() - start };
  }
}

const good = (name) => wellDone[name] ?? 200;

// What may be said when something below failed: whose move it is, and never that we are broken.
function judge(name, reply, call) {
  if (reply.lost) return 'no answer';
  if (call === 'accept4' && reply.status === 503) return 'no descriptor'; // said by the edge, without a body
  if (reply.status === good(name)) {
    if (/^a (read|write|call)/.test(name)) {
      assert.equal(reply.json.successful, true);
      assert.equal(JSON.stringify(reply.json.data).includes(`"n":${reply.n}`), true, 'not the data of this call');
    }
    return 'the right answer';
  }
  assert.equal(reply.headers['content-type'], 'application/problem+json');
  const problem = reply.json;
  assert.equal(problem.status, reply.status);
  assert.notEqual(problem.code, 'internal');
  assert.ok(['gateway', 'vendor'].includes(problem.origin), `origin ${problem.origin}`);
  return problem.code;
}

// Nothing can be answered while nothing is heard or waited for.
const deaf = ['epoll_wait', 'accept4', 'recv', 'read', 'write'];

// How often the vendor saw each write, by the number in its arguments.
const writes = new Map();
let since = 0;
async function countWrites() {
  for (const { sequence, target, body_base64: body } of await setup.sandbox.requests(`vendor=composio&limit=1000&since=${since}`)) {
    since = sequence;
    if (!target.endsWith('/ECHO_WRITE')) continue;
    const { n } = JSON.parse(Buffer.from(body, 'base64').toString()).arguments;
    writes.set(n, (writes.get(n) ?? 0) + 1);
  }
}

const inLedger = [];
const seen = new Map(); // step → Map(what was answered → times)
const wrong = [];

async function point(name, kind, nth, forGood) {
  page.arm(kind, nth, forGood);
  const reply = await tryStep(name, forGood ? 2000 : 8000);
  const { struck, call } = page.disarm();
  if (!struck) return;
  const where = `${name}, ${kind} ${nth} (${call}) failing ${forGood ? 'for good' : 'once'}`;
  const said = `${where}: ${reply.lost ?? reply.status} after ${reply.ms} ms: ${reply.body ?? ''}`;
  try {
    const what = judge(name, reply, call);
    if (!seen.has(name)) seen.set(name, new Map());
    seen.get(name).set(what, (seen.get(name).get(what) ?? 0) + 1);
    if (reply.lost === 'hung') assert.ok(forGood && deaf.includes(call), 'hangs');
  } catch (error) {
    wrong.push(`${said}\n  ${error.message}`);
  }
  const id = !reply.lost && reply.headers['x-call-id'];
  if (id) inLedger.push({ id, ok: reply.status === 200, said });
  // The next one works, at the latest when what failed has been forgotten.
  await eventually(`${name} works again after ${said}`, async () => {
    assert.equal(ended, null, `${said}: the gateway ended: ${gateway.output().stderr.slice(-6000)}`);
    return (await tryStep(name, 8000)).status === good(name);
  }, 15000);
  if (name.startsWith('a write')) await countWrites();
}

for (const kind of ['allocation', 'system call']) {
  // System calls that go on failing are for the long run: each costs a client's patience.
  for (const forGood of kind === 'system call' && !stride ? [false] : [false, true]) {
    test(`${kind}s fail ${forGood ? 'for good' : 'once'}, one after the other, in every step`, { skip, timeout: 3600000 }, async () => {
      assert.equal(ended, null, 'the gateway is gone');
      wrong.length = 0;
      for (const name of Object.keys(steps).filter((name) => only.test(name))) {
        for (let n = 0; n < 3; n++) await tryStep(name, 8000); // caches are warm
        const before = page.count(kind);
        await tryStep(name, 8000);
        const calls = page.count(kind) - before;
        console.log(`# ${name}: ${calls} ${kind}s`);
        const every = strideOf(calls, forGood);

        for (let nth = 1 + (calls % every); nth <= calls + 2; nth += every) await point(name, kind, nth, forGood);
      }
      assert.deepEqual(wrong, []);
    });
  }
}

test('what was answered stands in the ledger, with its outcome', { skip, timeout: 600000 }, async () => {
  assert.ok(inLedger.length > 0);
  for (const { id, ok, said } of inLedger) {
    const row = await gateway.get(`/v1/calls/${id}`, { signal: AbortSignal.timeout(5000) });
    const marked = /"cause":"(journal|memory)"/.test(said) || /ledger/.test(said);
    if (row.status === 404 && marked) continue;
    assert.equal(row.status, 200, `${id}: ${said}`);
    if (!marked) assert.equal(row.json.outcome === 'ok', ok, `${said}\n${row.body}`);
  }
});

test('no write went out twice', { skip }, async () => {
  assert.ok(writes.size > 0);
  assert.deepEqual([...writes].filter(([, times]) => times > 1), []);
});

test('the table', { skip }, () => {
  report('torture', {
    section: 'torture',
    title: 'Failing allocations and system calls',
    command: 'tests/run --only torture',
    text: `The n-th allocation (ours, libcurl's, SQLite's; once and from there on) or system call (once) of each step fails, ${stride ? `every ${stride}th n` : 'at about twelve places spread over the step'}; built with the sanitizers. `
      + 'Each answer is right, typed or absent; the next request works; an answered call stands in the ledger, or its answer says that memory or the journal was short; no write went out twice; nothing leaked.',
    columns: ['step', 'failures', 'right answer', 'typed refusal', 'no answer'],
    rows: [...seen].map(([name, what]) => {
      const count = (test) => [...what].filter(([key]) => test(key)).reduce((sum, [, n]) => sum + n, 0);
      return [name, count(() => true), count((key) => key === 'the right answer'), count((key) => !['the right answer', 'no answer'].includes(key)), count((key) => key === 'no answer')];
    }),
  });
  for (const [name, what] of seen) console.log(`# ${name}: ${[...what].map(([key, n]) => `${key} ${n}`).join(', ')}`);
});
