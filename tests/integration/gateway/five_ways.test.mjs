// The five ways a call can go, each told by its reply, its headers and its ledger row.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { serveSandbox } from './gateway.mjs';

let gateway;
before(async () => { gateway = await serveSandbox(); });
after(async () => { await gateway.stop(); });

const ways = [
  { name: 'native, at Composio', path: 'native', vendor: 'composio', vendorTool: 'GMAIL_FETCH_EMAILS', first: 'row gmail/composio LIVE',
    call: { tool: 'gmail_fetch_emails', user_id: 'user_123', arguments: { query: 'is:unread', max_results: 5 } }, has: (data) => data.messages.length > 0 },
  { name: 'native, at Scalekit', path: 'native', vendor: 'scalekit', vendorTool: 'github_issue_create', first: 'row github/scalekit LIVE',
    call: { tool: 'GITHUB_CREATE_ISSUE', user_id: 'user_123', arguments: { owner: 'northwind', repo: 'orders', title: 'It rains in' } }, has: (data) => data.title === 'It rains in' },
  { name: 'Pipedream', path: 'pipedream', vendor: 'pipedream', vendorTool: 'google_tag_manager-list-accounts', first: 'row googletagmanager/pipedream LIVE',
    call: { tool: 'gtm-list-accounts', user_id: 'user_123' }, has: (data) => data.account.length > 0 },
  { name: 'a worker', path: 'worker', vendor: 'worker', vendorTool: 'billing_get_invoice', first: 'row billing/worker LIVE',
    call: { tool: 'billing_get_invoice', user_id: 'user_123', arguments: { invoice_id: 'inv_1001' } }, has: (data) => data.invoice_id === 'inv_1001' },
];

for (const way of ways) {
  test(`a call goes by ${way.name}, says why and leaves its row`, async () => {
    const reply = await gateway.execute(way.call);
    assert.equal(reply.status, 200, reply.body.toString());
    assert.equal(reply.headers['content-type'], 'application/json');
    assert.match(reply.headers['x-request-id'], /^req_/);
    const said = reply.json;
    assert.equal(reply.headers['x-call-id'], said.id);
    assert.equal(said.successful, true);
    assert.ok(way.has(said.data), JSON.stringify(said.data));
    assert.deepEqual([said.route.path, said.route.vendor, said.route.vendor_tool, said.route.attempts], [way.path, way.vendor, way.vendorTool, 1]);
    assert.equal(said.route.because[0], way.first);
    assert.ok(said.timing.total_ms >= said.timing.vendor_ms);
    assert.deepEqual(said.warnings, []);

    const row = (await gateway.get(`/v1/calls/${said.id}`)).json;
    assert.deepEqual([row.id, row.outcome, row.vendor, row.path, row.tool, row.tenant, row.user_id],
      [said.id, 'ok', way.vendor, way.path, said.route.tool, 'default', 'user_123']);
    assert.deepEqual(row.because, said.route.because);
    const listed = (await gateway.get('/v1/calls?limit=20')).json.items.map((item) => item.id);
    assert.ok(listed.includes(said.id));
  });

  test(`/v1/resolve tells beforehand that the call goes by ${way.name}, and sends nothing`, async () => {
    const before = (await gateway.sandbox.requests()).length;
    const decision = (await gateway.get(`/v1/resolve?tool=${way.call.tool}&user_id=user_123&explain=true`)).json;
    assert.equal(decision.decision, 'route');
    assert.deepEqual([decision.candidates[0].path, decision.candidates[0].vendor, decision.candidates[0].vendor_tool], [way.path, way.vendor, way.vendorTool]);
    assert.deepEqual(new Set(decision.considered.map((one) => one.vendor)), new Set(['composio', 'scalekit', 'pipedream', 'pending', 'worker']));
    for (const one of decision.considered) assert.ok(one.reason, JSON.stringify(one));
    assert.equal((await gateway.sandbox.requests()).length, before);
  });
}

test('a pending toolkit answers with its issue and its due date', async () => {
  const reply = await gateway.execute({ tool: 'obscure_do_it', user_id: 'user_123' });
  assert.equal(reply.status, 501);
  assert.equal(reply.headers['content-type'], 'application/problem+json');
  const problem = reply.json;
  assert.equal(problem.code, 'toolkit_pending');
  assert.equal(problem.status, 501);
  assert.equal(problem.issue_url, 'https://github.com/ComposioHQ/composio/issues/1');
  assert.equal(new Date(problem.due_at) - new Date(problem.requested_at), 14 * 86400_000);
  assert.ok(new Date(problem.due_at) > new Date(), 'the example is not overdue');
  assert.equal(problem.call_id, reply.headers['x-call-id']);
  for (const member of ['type', 'title', 'detail', 'cause', 'origin', 'retryable', 'maybe_applied']) assert.ok(member in problem, member);
  const row = (await gateway.get(`/v1/calls/${problem.call_id}`)).json;
  assert.deepEqual([row.outcome, row.code, row.path], ['failed', 'toolkit_pending', 'pending']);
});

test('a warm call is one request at the vendor', async () => {
  for (const way of ways) {
    await gateway.execute(way.call);
    const before = (await gateway.sandbox.requests('limit=1000')).filter((one) => one.vendor === way.vendor).length;
    assert.equal((await gateway.execute(way.call)).status, 200);
    const after = (await gateway.sandbox.requests('limit=1000')).filter((one) => one.vendor === way.vendor).length;
    assert.equal(after - before, 1, way.name);
  }
});

test('explain shows the decision beside the result', async () => {
  const said = (await gateway.execute({ ...ways[0].call, explain: true })).json;
  assert.equal(said.decision.decision, 'route');
  assert.ok(said.decision.considered.some((one) => one.vendor === 'pipedream' && !one.taken && one.reason === 'no row'));
});

test('a traceparent travels to the vendor', async () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  await gateway.execute(ways[0].call, { headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01` } });
  const sent = (await gateway.sandbox.requests('vendor=composio&limit=1000')).at(-1);
  assert.ok(JSON.stringify(sent.headers).includes(trace), JSON.stringify(sent.headers));
});
