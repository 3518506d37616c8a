// Everything at once: faults of every kind, callers that leave at any moment, keys that meet, policies
// that change. Afterwards nothing is left behind: no call in flight, no leak, a row for every answer.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { configured, eventually, inParallel, openPolicy, sleep } from './gateway.mjs';
import { random } from './documents.mjs';

const CALLS = 4000;
const SEED = 8420;

let setup;
let gateway;
before(async () => {
  setup = await configured({ policy: `${openPolicy}fallback: {on: [vendor_unavailable, vendor_timeout, rate_limited], tries: 2, total: 3s}\n` });
  gateway = await setup.serve();
});
after(async () => { await setup.stop(); });

const faults = [
  { status: 500 }, { status: 503 }, { reset: 'before' }, { reset: 'after' }, { half_reply: true }, { garbage: true }, { gzip_bomb: 40 << 20 }, { huge_header: true }, { redirect: 'http://10.0.0.1/' },
  { drip_ms: 2 }, { delay_ms: 30 }, { delay_ms: 300 }, { unauthorized_once: true }, { rate_limited: { retry_after: 'seconds', seconds: 1 } }, { rate_limited: {} }, { status: 200, body: '' }, { content_type: 'text/html' },
];
const calls = [
  { tool: 'echo_echo', user_id: 'user_123' }, { tool: 'echo_write', user_id: 'user_123' }, { tool: 'echo_echo', vendor: 'pipedream', user_id: 'user_123' }, { tool: 'echo_write', vendor: 'scalekit', user_id: 'user_123' },
  { tool: 'gmail_fetch_emails', user_id: 'user_123' }, { tool: 'gmail_fetch_emails', user_id: 'user_stale' }, { tool: 'gmail_fetch_emails', user_id: 'user_limited' }, { tool: 'gtm_list_accounts', user_id: 'user_down' },
  { tool: 'billing_echo' }, { tool: 'billing_nothing' }, { tool: 'obscure_go' }, { tool: 'gmail_nothing', user_id: 'user_123' }, { tool: 'gmial_go' }, { tool: 'zendesk_create_zendesk_ticket', user_id: 'user_123' },
];

test(`${CALLS} calls in a storm: each is answered, none is lost, nothing is left behind`, { timeout: 180000 }, async () => {
  const next = random(SEED);
  let blowing = true;
  const weather = (async () => {
    const wind = random(SEED + 1);
    for (let i = 0; blowing; i++) {
      await setup.sandbox.fault({ ...(wind() < 0.8 ? { vendor: wind.of(['composio', 'scalekit', 'pipedream', 'worker']) } : {}), count: 1 + wind.below(4), skip: wind.below(6), fault: wind.of(faults) });
      if (i % 20 === 19) await setup.sandbox.clearFaults();
      if (i % 15 === 7) gateway.signal('SIGHUP');
      if (i % 40 === 30) await gateway.post(`/v1/vendors/${wind.of(['composio', 'pipedream'])}/${wind() < 0.5 ? 'quarantine' : 'release'}`, {});
      await sleep(25);
    }
  })();
  const plan = Array.from({ length: CALLS }, (_, i) => ({
    body: {
      ...next.of(calls), timeout_ms: 50 + next.below(1200), ...(next() < 0.1 ? { tool: `unheardof${next.below(30)}_go`, user_id: 'user_123' } : {}), ...(next() < 0.1 ? { user_id: `newcomer${next.below(40)}` } : {}),
      ...(next() < 0.25 ? { idempotency_key: `storm-${next.below(120)}` } : {}), ...(next() < 0.2 ? { explain: true } : {}), arguments: { i: next() < 0.5 ? 0 : i, text: 'x'.repeat(next.below(next() < 0.05 ? 200000 : 50)) },
    },
    leavesAfter: next() < 0.25 ? next.below(60) : null,
  }));
  const answered = [];
  const seen = {};
  let left = 0;
  await inParallel(plan, 64, async ({ body, leavesAfter }) => {
    const hangup = new AbortController();
    if (leavesAfter !== null) setTimeout(() => hangup.abort(), leavesAfter);
    const started = Date.now();
    const reply = await gateway.execute(body, { signal: hangup.signal }).catch((error) => error.name);
    if (reply === 'AbortError') { left++; return; }
    assert.ok(reply.status, `no answer: ${reply}`);
    assert.ok(Date.now() - started < body.timeout_ms + 2500, `${Date.now() - started} ms of ${body.timeout_ms}: ${reply.body}`);
    const said = reply.json;
    assert.notEqual(said.code, 'internal', reply.body.toString());
    seen[said.code ?? 'ok'] = (seen[said.code ?? 'ok'] ?? 0) + 1;
    if (reply.headers['idempotency-replayed'] !== 'true') answered.push(reply.headers['x-call-id']);
  });
  blowing = false;
  await weather;
  await setup.sandbox.clearFaults();
  assert.ok(seen.ok > 300 && left > 100 && Object.keys(seen).length > 8, JSON.stringify({ seen, left }));
  await eventually('no call in flight', async () => /calls_in_flight[^\n]* 0\n/.test((await gateway.admin.get('/metrics')).body.toString()), 8000);
  const rows = new Set();
  let cursor = '';
  do {
    const page = (await gateway.get(`/v1/calls?limit=200${cursor && `&cursor=${cursor}`}`)).json;
    for (const row of page.items) rows.add(row.id);
    cursor = page.next_cursor;
  } while (cursor);
  assert.deepEqual(answered.filter((id) => !rows.has(id)), []);
  await gateway.stop();
});
