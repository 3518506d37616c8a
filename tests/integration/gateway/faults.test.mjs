// What a vendor does wrong, and what the caller is told: code, cause, whether it may have happened.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { configured, openPolicy } from './gateway.mjs';

let setup;
let gateway;
before(async () => {
  setup = await configured({ policy: `${openPolicy}fallback: {on: [vendor_unavailable, vendor_timeout, rate_limited], tries: 2, total: 30s}\n` });
  gateway = await setup.serve();
});
after(async () => {
  await gateway.stop();
  await setup.stop();
});

const vendors = {
  composio: { read: { tool: 'echo_echo', vendor: 'composio', user_id: 'user_123' }, write: { tool: 'echo_write', vendor: 'composio', user_id: 'user_123' }, path: '*/execute/*' },
  scalekit: { read: { tool: 'echo_echo', vendor: 'scalekit', user_id: 'user_123' }, write: { tool: 'echo_write', vendor: 'scalekit', user_id: 'user_123' }, path: '*/execute_tool' },
  pipedream: { read: { tool: 'echo_echo', vendor: 'pipedream', user_id: 'user_123' }, write: { tool: 'echo_write', vendor: 'pipedream', user_id: 'user_123' }, path: '*/actions/run' },
};
const worker = { write: { tool: 'billing_echo' }, path: '*' };

// A breaker opens after five failures in a row: a good call between them keeps it shut.
beforeEach(async () => {
  await setup.sandbox.clearFaults();
  for (const { read } of Object.values(vendors)) assert.equal((await gateway.execute(read)).status, 200);
  assert.equal((await gateway.execute(worker.write)).status, 200);
});

const hit = async (vendor, path, fault, call, count = 0) => {
  await setup.sandbox.fault({ vendor, path, count, fault });
  const reply = await gateway.execute(call);
  await setup.sandbox.clearFaults();
  return reply;
};
const sent = async (vendor) => (await setup.sandbox.counts())[vendor].total;
const minted = async (vendor) => (await setup.sandbox.counts())[vendor].tokens_minted;

const wrongs = [
  ['a server error', { status: 500 }, 503, 'vendor_unavailable', 'vendor_5xx'],
  ['a proxy’s error page', { status: 503, body: '<html>down</html>', content_type: 'text/html' }, 503, 'vendor_unavailable', 'vendor_5xx'],
  ['a reset after the request was carried out', { reset: 'after' }, 503, 'vendor_unavailable', null],
  ['half a reply', { half_reply: true }, 502, 'vendor_protocol', 'truncated'],
  ['garbage', { garbage: true }, 502, 'vendor_protocol', 'not_http'],
  // The vendor packs it first, which takes a busy machine longer than silence is waited for.
  ['a gzip bomb', { gzip_bomb: true }, 502, 'response_too_large', 'decompression_limit', 10000],
  ['a huge header', { huge_header: true }, 502, 'response_too_large', 'headers_too_large'],
  ['a redirect to a private address', { redirect: 'http://10.0.0.1/latest/meta-data' }, 502, 'vendor_protocol', 'redirect_refused'],
  ['an empty body', { status: 200, body: '' }, 502, 'vendor_protocol', 'bad_vendor_json'],
  ['a body of another shape', { status: 200, body: [], content_type: 'application/json' }, 502, 'vendor_protocol', 'bad_vendor_json'],
  ['silence', { delay_ms: 4000 }, 504, 'vendor_timeout', 'first_byte'],
  ['a slow drip', { drip_ms: 50 }, 504, 'vendor_timeout', 'total'],
];

for (const [name, fault, status, code, cause, patience = 700] of wrongs) {
  for (const [vendor, { read, write, path }] of Object.entries({ ...vendors, worker })) {
    test(`${vendor}: ${name} is ${code}, and a write may have happened`, async () => {
      for (const call of [read, write].filter(Boolean)) {
        const started = Date.now();
        const reply = await hit(vendor, path, fault, { ...call, timeout_ms: patience });
        const problem = reply.json;
        const expected = vendor === 'worker' && fault.status >= 500 ? [502, 'vendor_protocol'] : [status, code];
        assert.deepEqual([reply.status, problem.code], expected, reply.body.toString());
        assert.ok(cause === null || vendor === 'worker' || problem.cause === cause, problem.cause);
        assert.equal(reply.headers['content-type'], 'application/problem+json');
        assert.equal(problem.maybe_applied, call === write, reply.body.toString());
        assert.ok(Date.now() - started < patience + 800, `${Date.now() - started} ms`);
        const row = (await gateway.get(`/v1/calls/${problem.call_id}`)).json;
        assert.deepEqual([row.outcome, row.code, row.maybe_applied], ['failed', expected[1], call === write]);
      }
    });
  }
}

for (const [vendor, { read, write, path }] of Object.entries(vendors)) {
  test(`${vendor}: a read is tried again after a reset, a write is sent once`, async () => {
    const before = await sent(vendor);
    const reply = await hit(vendor, path, { reset: 'after' }, read, 1);
    assert.equal(reply.status, 200, reply.body.toString());
    assert.equal(await sent(vendor) - before, 2);
    const middle = await sent(vendor);
    const written = await hit(vendor, path, { reset: 'after' }, write, 1);
    assert.deepEqual([written.status, written.json.code, written.json.maybe_applied], [503, 'vendor_unavailable', true]);
    assert.equal(await sent(vendor) - middle, 1);
  });

  test(`${vendor}: 429 carries its Retry-After in seconds, whichever form the vendor used`, async () => {
    for (const form of ['seconds', 'date']) {
      const reply = await hit(vendor, path, { rate_limited: { retry_after: form, seconds: 30 } }, { ...read, timeout_ms: 2000 });
      assert.deepEqual([reply.status, reply.json.code, reply.json.by, reply.json.retryable], [429, 'rate_limited', 'vendor', true], reply.body.toString());
      assert.ok(Number(reply.headers['retry-after']) >= 28 && Number(reply.headers['retry-after']) <= 31, reply.headers['retry-after']);
    }
    const waited = await hit(vendor, path, { rate_limited: { retry_after: 'seconds', seconds: 1 } }, read, 1);
    assert.equal(waited.status, 200, 'a short Retry-After within the deadline is waited for');
    assert.equal(waited.json.route.attempts, 2);
  });
}

for (const vendor of ['scalekit', 'pipedream']) {
  test(`${vendor}: one 401 leads to one new token and a good answer`, async () => {
    const before = await minted(vendor);
    const calls = await (async () => {
      await setup.sandbox.fault({ vendor, path: vendors[vendor].path, count: 1, fault: { unauthorized_once: true } });
      return Promise.all(Array.from({ length: 20 }, () => gateway.execute(vendors[vendor].read)));
    })();
    for (const reply of calls) assert.equal(reply.status, 200, reply.body.toString());
    assert.equal(await minted(vendor) - before, 1);
  });

  test(`${vendor}: a second 401 is vendor_auth`, async () => {
    const reply = await hit(vendor, vendors[vendor].path, { unauthorized_once: true }, vendors[vendor].read);
    assert.deepEqual([reply.status, reply.json.code, reply.json.origin], [502, 'vendor_auth', 'gateway']);
    // Nobody takes the new token, so there is no other within a minute: the next tests need a new gateway.
    await gateway.stop();
    gateway = await setup.serve();
  });
}

test('a vendor that is down is stood in for by the next one that is mapped and connected', async () => {
  const call = { tool: 'gmail_fetch_emails', user_id: 'user_123' };
  const reply = await hit('composio', '*/execute/*', { status: 503 }, call);
  assert.equal(reply.status, 200, reply.body.toString());
  assert.deepEqual([reply.json.route.vendor, reply.json.route.attempts], ['scalekit', 2]);
  const row = (await gateway.get(`/v1/calls/${reply.json.id}`)).json;
  assert.deepEqual([row.vendor, row.attempts, row.outcome], ['scalekit', 2, 'ok']);
});

test('a write goes on to another vendor only if the first provably did not begin it', async () => {
  const call = { tool: 'gmail_send_email', user_id: 'user_123', arguments: { recipient_email: 'a@northwind.example', subject: 's', body: 'b' } };
  const scalekit = await sent('scalekit');
  const reply = await hit('composio', '*/execute/*', { reset: 'after' }, call);
  assert.deepEqual([reply.status, reply.json.maybe_applied], [503, true]);
  assert.equal(await sent('scalekit'), scalekit, 'nothing was sent to the other vendor');
  // 429 by the vendor: it says that it did nothing.
  const limited = await hit('composio', '*/execute/*', { rate_limited: { retry_after: 'seconds', seconds: 60 } }, call);
  assert.equal(limited.status, 200, limited.body.toString());
  assert.equal(limited.json.route.vendor, 'scalekit');
});

test('where nobody is connected there is no fallback, and the first error is answered', async () => {
  await setup.sandbox.account({ vendor: 'composio', user: 'default:only_composio', toolkit: 'gmail', status: 'ACTIVE' });
  const call = { tool: 'gmail_fetch_emails', user_id: 'only_composio' };
  assert.equal((await gateway.execute(call)).status, 200);
  const reply = await hit('composio', '*/execute/*', { status: 503 }, call);
  assert.deepEqual([reply.status, reply.json.code], [503, 'vendor_unavailable']);
});

test('a vendor that keeps failing is left alone, then asked by one call at a time', async () => {
  await setup.sandbox.fault({ vendor: 'pipedream', path: '*/actions/run', count: 0, fault: { status: 500 } });
  const call = { ...vendors.pipedream.read, timeout_ms: 300 };
  for (let i = 0; i < 6; i++) await gateway.execute(call);
  const before = await sent('pipedream');
  const reply = await gateway.execute(call);
  assert.deepEqual([reply.status, reply.json.code, reply.json.cause], [503, 'vendor_unavailable', 'breaker_open']);
  assert.ok(Number(reply.headers['retry-after']) >= 1);
  assert.equal(await sent('pipedream'), before);
  const health = (await gateway.get('/v1/vendors')).json.items.find((one) => one.name === 'pipedream' || one.vendor === 'pipedream');
  assert.equal(health.breaker_open ?? health.breaker === 'open', true, JSON.stringify(health));
  await setup.sandbox.clearFaults();
  await new Promise((resolve) => setTimeout(resolve, 5200));
  const burst = await Promise.all(Array.from({ length: 8 }, () => gateway.execute(call)));
  assert.ok(burst.some((one) => one.status === 200), 'the probe went through');
  assert.equal((await gateway.execute(vendors.pipedream.read)).status, 200);
});

test('an operator takes a vendor out of service and puts it back', async () => {
  assert.equal((await gateway.post('/v1/vendors/composio/quarantine', {})).status, 200);
  const reply = await gateway.execute(vendors.composio.read);
  assert.deepEqual([reply.status, reply.json.code, reply.json.cause], [503, 'vendor_unavailable', 'quarantined']);
  assert.equal((await gateway.execute({ tool: 'gmail_fetch_emails', user_id: 'user_123' })).json.route.vendor, 'scalekit');
  assert.equal((await gateway.post('/v1/vendors/composio/release', {})).status, 200);
  assert.equal((await gateway.execute(vendors.composio.read)).status, 200);
});
