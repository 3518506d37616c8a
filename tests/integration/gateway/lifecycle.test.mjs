// Hang-up, drain, reload, kill -9: no accepted call is lost, and what is not known is said.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { configured, eventually, inParallel, openPolicy, sleep } from './gateway.mjs';

let setup;
before(async () => { setup = await configured(); });
after(async () => { await setup.stop(); });

const read = { tool: 'echo_echo', vendor: 'composio', user_id: 'user_123', arguments: { v: 1 } };
const write = { tool: 'echo_write', vendor: 'composio', user_id: 'user_123', arguments: { v: 1 } };
const slow = (ms, count = 0) => setup.sandbox.fault({ vendor: 'composio', path: '*/execute/*', count, fault: { delay_ms: ms } });
const total = async () => (await setup.sandbox.counts()).composio.total;

test('a caller that hangs up ends a read, and a write that is on its way runs on', async () => {
  const gateway = await setup.serve();
  await gateway.execute(read);
  await slow(1500);
  const leave = async (body) => {
    const hangup = new AbortController();
    const before = await total();
    const gone = gateway.execute(body, { signal: hangup.signal, agent: false }).catch((error) => error.name);
    await eventually('the vendor has the request', async () => await total() > before);
    hangup.abort();
    assert.equal(await gone, 'AbortError');
  };
  await leave(read);
  const row = await eventually('a row of the call that was given up', async () => (await gateway.get('/v1/calls?limit=1')).json.items.find((one) => one.cause === 'client_gone'), 1000);
  assert.deepEqual([row.outcome, row.code, row.maybe_applied], ['failed', 'request_timeout', false]);
  await leave(write);
  const done = await eventually('the outcome of the write', async () => (await gateway.get('/v1/calls?limit=1')).json.items.find((one) => one.effect === 'write'), 4000);
  assert.deepEqual([done.outcome, done.effect], ['ok', 'write']);
  await setup.sandbox.clearFaults();
  await gateway.stop();
});

test('SIGTERM: 200 calls in flight are all answered, new ones are not taken, the rows are there', async () => {
  const gateway = await setup.serve();
  for (let i = 0; i < 4; i++) await gateway.execute(read);
  const before = await total();
  await slow(1500);
  const calls = Array.from({ length: 200 }, (_, i) => gateway.execute({ ...(i % 2 ? write : read), arguments: { i } }).then((reply) => ({ i, reply })));
  await eventually('all are at the vendor', async () => await total() - before >= 200, 20000);
  gateway.signal('SIGTERM');
  const answers = await Promise.all(calls);
  const how = await gateway.exited;
  assert.deepEqual(how, { code: 0, signal: null }, gateway.output().stderr.slice(-4000));
  for (const { i, reply } of answers) {
    assert.equal(reply.status, 200, reply.body.toString());
    assert.equal(reply.json.data.i, i);
  }
  await setup.sandbox.clearFaults();
  const again = await setup.serve();
  const ids = new Set();
  let cursor = '';
  do {
    const page = (await again.get(`/v1/calls?limit=200${cursor && `&cursor=${cursor}`}`)).json;
    for (const row of page.items) ids.add(row.id);
    cursor = page.next_cursor;
  } while (cursor);
  for (const { reply } of answers) assert.ok(ids.has(reply.json.id), `no row of ${reply.json.id}`);
  await again.stop();
});

test('SIGHUP under load: the new policy rules, a broken one is refused, and no call fails', async () => {
  const gateway = await setup.serve();
  await gateway.execute(read);
  const pinless = { tool: 'echo_echo', user_id: 'user_123' };
  let running = true;
  const seen = {};
  const failures = [];
  const load = inParallel(Array.from({ length: 8 }), 8, async () => {
    while (running) {
      const reply = await gateway.execute(pinless);
      if (reply.status === 200) seen[reply.json.route.vendor] = (seen[reply.json.route.vendor] ?? 0) + 1;
      else failures.push(`${reply.status} ${reply.body}`);
    }
  });
  const vendorNow = async () => (await gateway.get('/v1/resolve?tool=echo_echo&user_id=user_123')).json.candidates[0].vendor;
  for (let round = 0; round < 5; round++) {
    setup.writePolicy(`${openPolicy}rules:\n  - name: echo-elsewhere\n    when: {toolkit: echo}\n    use: pipedream\n`);
    gateway.signal('SIGHUP');
    await eventually('the rule', async () => await vendorNow() === 'pipedream');
    setup.writePolicy('version: 1\norder: [nativ]\nrules: [{name: broken, whenn: {}}]\n');
    gateway.signal('SIGHUP');
    await eventually('the refusal', () => gateway.output().stderr.split('reload_refused').length - 1 > round);
    assert.equal(await vendorNow(), 'pipedream', 'the old policy stays');
    setup.writePolicy(openPolicy);
    gateway.signal('SIGHUP');
    await eventually('the old rule', async () => await vendorNow() === 'composio');
  }
  running = false;
  await load;
  assert.deepEqual(failures.slice(0, 3), []);
  assert.ok(seen.composio > 50 && seen.pipedream > 50, JSON.stringify(seen));
  assert.match(gateway.output().stderr, /policy\.yaml:2:\d+/, 'the fault is named with its place');
  await gateway.stop();
});

test('a broken policy at the start is refused with every fault at its place', async () => {
  setup.writePolicy('version: 1\norder: [nativ]\nfallbck: {}\n');
  await assert.rejects(setup.serve(), (error) => /policy\.yaml:2:\d+/.test(error.message) && /policy\.yaml:3:\d+/.test(error.message) && /fallback/.test(error.message));
  setup.writePolicy(openPolicy);
});

test('kill -9 at thirty moments: every write has a row that says ok or unknown, and its key never sends again', { timeout: 240000 }, async () => {
  let lost = 0;
  for (let moment = 0; moment < 30; moment++) {
    const gateway = await setup.serve();
    await slow(moment % 3 === 0 ? 0 : 150);
    const keys = Array.from({ length: 12 }, (_, i) => `kill-${moment}-${i}`);
    const before = await total();
    const answers = keys.map((key, i) => gateway.execute({ ...write, arguments: { key, i } }, { headers: { 'idempotency-key': key } })
      .then((reply) => ({ key, reply }), () => ({ key, reply: null })));
    if (moment % 2) await eventually('some are at the vendor', async () => await total() > before);
    await sleep(moment % 7);
    gateway.signal('SIGKILL');
    const ended = await Promise.all(answers);
    await gateway.exited;
    await setup.sandbox.clearFaults();
    const sentKeys = new Map();
    for (const one of await setup.sandbox.requests('vendor=composio&limit=60')) {
      const match = /"key":"(kill-\d+-\d+)"/.exec(Buffer.from(one.body_base64 ?? '', 'base64').toString());
      if (match) sentKeys.set(match[1], (sentKeys.get(match[1]) ?? 0) + 1);
    }
    const again = await setup.serve();
    const rows = (await again.get('/v1/calls?limit=200')).json.items;
    for (const { key, reply } of ended) {
      const i = Number(key.split('-')[2]);
      const second = await again.execute({ ...write, arguments: { key, i } }, { headers: { 'idempotency-key': key } });
      if (reply) {
        assert.equal(reply.status, 200, reply.body.toString());
        assert.ok(second.body.equals(reply.body), `${key}: an answered call is replayed`);
        assert.ok(rows.some((row) => row.id === reply.json.id && row.outcome === 'ok'));
      } else if (sentKeys.has(key) && second.status !== 200) {
        assert.deepEqual([second.status, second.json.code, second.json.maybe_applied], [409, 'outcome_unknown', true], second.body.toString());
        const id = /call_[0-9A-Z]+/.exec(second.json.detail)[0];
        assert.equal(rows.find((row) => row.id === id)?.outcome, 'unknown');
        lost++;
      } else if (sentKeys.has(key)) {
        assert.equal(second.headers['idempotency-replayed'], 'true', `${key} was sent twice`);
      }
    }
    await again.stop();
  }
  assert.ok(lost > 20, `only ${lost} calls were caught in flight`);
});
