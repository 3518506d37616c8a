// Which way a call goes: rows, policy, names, renames, connections of one's own, and many at once.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { configured, eventually, openPolicy } from './gateway.mjs';

const rules = `rules:
  - name: echo-for-kahuna-by-pipedream
    when: {tenant: kahuna, toolkit: echo}
    use: pipedream
  - name: eu-data-stays-off-composio
    when: {tenant_label.region: eu}
    avoid: [composio]
  - name: no-wiping-by-support
    when: {tenant: support, effect: destructive}
    deny: "support may not wipe"
`;
let setup;
let gateway;
before(async () => {
  setup = await configured({
    policy: openPolicy + rules,
    rows: `
- {toolkit: oldtimer, vendor: composio, vendor_slug: hackernews, status: DEPRECATED, auth: none}
- {toolkit: forbidden, vendor: composio, vendor_slug: forbidden, status: BLOCKED}
- {tool: oldtimer_get_user, toolkit: oldtimer, vendor: composio, vendor_tool: HACKERNEWS_GET_USER, match: exact, effect: read}
- {tool: renamed_echo, toolkit: echo, vendor: composio, vendor_tool: ECHO_ECHO, match: exact, effect: read, arguments: {from: to, "a b": "c\\"d"}}
`,
  });
  gateway = await setup.serve();
});
after(async () => {
  await gateway.stop();
  await setup.stop();
});

const read = { tool: 'echo_echo', user_id: 'user_123' };
const put = (toolkit, rows, headers = { 'if-none-match': '*' }) => gateway.request('PUT', `/v1/registry/toolkits/${toolkit}`, { body: rows, headers });

test('any vendor’s style of a name and any alias leads to the same tool', async () => {
  for (const tool of ['gmail_fetch_emails', 'GMAIL_FETCH_EMAILS', 'gmail-fetch-emails', 'Gmail_Fetch_Emails', 'gmail_fetch_mails']) {
    const reply = await gateway.execute({ tool, user_id: 'user_123' });
    assert.equal(reply.status, 200, `${tool}: ${reply.body}`);
    assert.equal(reply.json.route.tool, 'gmail_fetch_emails', tool);
  }
  const reply = await gateway.execute({ tool: 'list_accounts', toolkit: 'GTM', user_id: 'user_123' });
  assert.equal(reply.json.route?.tool, 'google_tag_manager_list_accounts', reply.body.toString());
});

test('rules: use restricts, avoid removes, deny refuses and names the rule', async () => {
  const kahuna = await gateway.makeKey('kahuna');
  assert.equal((await kahuna.execute(read)).json.route.vendor, 'pipedream');
  await gateway.post('/v1/tenants', { tenant: 'euro', labels: { region: 'eu' } });
  const euro = await gateway.makeKey('euro');
  assert.equal((await euro.execute(read)).json.route.vendor, 'scalekit');
  const alone = await euro.execute({ tool: 'slack_list_all_slack_team_channels_with_various_filters', user_id: 'user_123' });
  assert.deepEqual([alone.status, alone.json.code], [403, 'policy_denied']);
  assert.ok(JSON.stringify(alone.json.rules).includes('eu-data-stays-off-composio'), alone.body.toString());
  const support = await gateway.makeKey('support');
  assert.equal((await support.execute({ tool: 'echo_write', user_id: 'user_123' })).status, 200);
  const denied = await support.execute({ tool: 'echo_wipe', user_id: 'user_123' });
  assert.deepEqual([denied.status, denied.json.code], [403, 'policy_denied']);
  assert.match(denied.json.detail, /support may not wipe/);
});

test('a deprecated row works and warns, a blocked one is policy_denied', async () => {
  const old = await gateway.execute({ tool: 'oldtimer_get_user', user_id: 'user_123', arguments: { username: 'pg' } });
  assert.equal(old.status, 200, old.body.toString());
  assert.ok(old.json.warnings.length > 0);
  const blocked = await gateway.execute({ tool: 'forbidden_do', user_id: 'user_123' });
  assert.deepEqual([blocked.status, blocked.json.code, blocked.json.cause], [403, 'policy_denied', 'blocked']);
});

test('a worker without its decision record is refused', async () => {
  const row = { toolkit: 'hasty', vendor: 'worker', endpoint: setup.sandbox.worker_url, secret: 'billing', status: 'LIVE' };
  const reply = await put('hasty', [row]);
  if (reply.status < 300) {
    const call = await gateway.execute({ tool: 'hasty_go' });
    assert.deepEqual([call.status, call.json.code, call.json.cause], [403, 'policy_denied', 'no_adr']);
  } else {
    assert.deepEqual([reply.status, reply.json.code], [400, 'invalid_request']);
  }
});

test('a row may name declared secrets only', async () => {
  for (const secret of ['env:HOME', 'file:/etc/hostname', 'nobody_declared_this']) {
    const toolkit = `secret${secret.length}`;
    const reply = await put(toolkit, [{ toolkit, vendor: 'worker', endpoint: setup.sandbox.worker_url, secret, adr: 'ADR-1', status: 'LIVE' }]);
    if (reply.status < 300) {
      const call = await gateway.execute({ tool: `${toolkit}_echo` });
      assert.ok(call.status >= 400 && call.json.code !== 'internal', call.body.toString());
      assert.equal(secret, 'nobody_declared_this');
    } else {
      assert.equal(reply.json.code, 'invalid_request');
    }
  }
});

test('a map renames its keys and not an octet more', async () => {
  const reply = await gateway.executeRaw({ tool: 'renamed_echo', toolkit: 'echo', vendor: 'composio', user_id: 'user_123' }, Buffer.from('{ "x" :1e400,\t"from":"\\u0000", "from2": [ ], "fr\\u006fm3":{"from":1} }'));
  assert.equal(reply.status, 200, reply.body.toString());
  assert.ok(reply.body.includes('"data":{ "x" :1e400,\t"to":"\\u0000", "from2": [ ], "fr\\u006fm3":{"from":1} }'), reply.body.toString());
  const collides = await gateway.executeRaw({ tool: 'renamed_echo', toolkit: 'echo', vendor: 'composio', user_id: 'user_123' }, Buffer.from('{"from":1,"to":2}'));
  assert.deepEqual([collides.status, collides.json.code], [422, 'invalid_arguments'], collides.body.toString());
});

test('a raw account id is taken from its owner and from nobody else', async () => {
  const { sandbox } = setup;
  const owned = await gateway.execute({ tool: 'gmail_fetch_emails', vendor: 'composio', user_id: 'user_expired' });
  const id = owned.json.connection_id;
  assert.match(id, /^composio:ca_/);
  const theirs = await gateway.execute({ tool: 'gmail_fetch_emails', user_id: 'user_123', connection_id: id });
  assert.ok(theirs.status >= 400 && theirs.status < 500, theirs.body.toString());
  assert.equal(theirs.json.code === 'connection_expired', false, 'the state of another user’s account is not told');
  const made = {};
  for (const vendor of ['composio', 'scalekit', 'pipedream']) {
    await sandbox.account({ vendor, user: 'default:owner', toolkit: 'echo', status: 'ACTIVE' });
    await sandbox.account({ vendor, user: 'default:thief', toolkit: 'echo', status: 'ACTIVE' });
    const found = await sandbox.account({ vendor, user: 'default:owner', toolkit: 'echo', status: 'ACTIVE' });
    made[vendor] = found?.id ?? found?.account?.id;
    if (!made[vendor]) continue;
    const own = await gateway.execute({ tool: 'echo_echo', user_id: 'owner', connection_id: `${vendor}:${made[vendor]}`, arguments: { mine: 1 } });
    assert.equal(own.status, 200, `${vendor}: ${own.body}`);
    assert.equal(own.json.route.vendor, vendor);
    const stolen = await gateway.execute({ tool: 'echo_echo', user_id: 'thief', connection_id: `${vendor}:${made[vendor]}` });
    assert.ok(stolen.status >= 400 && stolen.status < 500, `${vendor}: ${stolen.status} ${stolen.body}`);
  }
  assert.ok(Object.values(made).some(Boolean), JSON.stringify(made));
});

test('a changed row steers the next call, needs its version, and outlives a restart', async () => {
  const rows = await gateway.get('/v1/registry/toolkits/notion');
  const etag = rows.headers.etag;
  assert.ok(etag);
  assert.equal((await gateway.execute({ tool: 'notion_fetch_data', user_id: 'user_123' })).json.route?.vendor, 'composio');
  const blocked = rows.json.map(({ row_version: _v, changed_at: _c, ...row }) => ({ ...row, status: 'BLOCKED' }));
  const bare = await gateway.request('PUT', '/v1/registry/toolkits/notion', { body: blocked });
  assert.deepEqual([bare.status, bare.json.code], [428, 'precondition_required']);
  assert.equal((await put('notion', blocked, { 'if-match': '"0"' })).status, 412);
  assert.equal((await put('notion', blocked, { 'if-match': etag })).status, 200);
  assert.equal((await gateway.execute({ tool: 'notion_fetch_data', user_id: 'user_123' })).json.cause, 'blocked');
  const key = gateway.key;
  await gateway.stop();
  gateway = await setup.serve();
  assert.equal(gateway.key, key);
  assert.equal((await gateway.execute({ tool: 'notion_fetch_data', user_id: 'user_123' })).json.cause, 'blocked');
});

test('two hundred calls at once on a cold start mint one token a vendor and look an account up once', async () => {
  await gateway.stop();
  gateway = await setup.serve();
  await setup.sandbox.reset();
  for (const vendor of ['scalekit', 'pipedream']) {
    const replies = await Promise.all(Array.from({ length: 200 }, () => gateway.execute({ ...read, vendor })));
    assert.deepEqual([...new Set(replies.map((reply) => reply.status))], [200], replies.find((reply) => reply.status !== 200)?.body.toString());
    const counts = (await setup.sandbox.counts())[vendor];
    assert.equal(counts.tokens_minted, 1, vendor);
    assert.ok(counts.total <= 205, `${vendor}: ${counts.total} requests for 200 calls`);
  }
});

test('fifty calls at once for a toolkit without a row ask each vendor once', async () => {
  await setup.sandbox.reset();
  const replies = await Promise.all(Array.from({ length: 50 }, (_, i) => gateway.execute({ tool: ['florbgrommet_go', 'Florb-Grommet_go', 'FLORBGROMMET_GO'][i % 3], user_id: 'user_123', toolkit: ['florbgrommet', 'Florb-Grommet', 'florb grommet'][i % 3] })));
  assert.deepEqual([...new Set(replies.map((reply) => reply.json.code))], ['toolkit_missing']);
  const counts = await setup.sandbox.counts();
  for (const vendor of ['composio', 'scalekit', 'pipedream']) assert.ok(counts[vendor].total <= 5, `${vendor}: ${JSON.stringify(counts[vendor])}`);
});

test('a vendor of /v1/resolve’s decision is the vendor of the call, for every tool with a map', async () => {
  const toolkits = (await gateway.get('/v1/toolkits?limit=200')).json.items;
  assert.ok(toolkits.length > 20);
  for (const { toolkit } of toolkits.slice(0, 200)) {
    const decision = await gateway.get(`/v1/resolve?toolkit=${encodeURIComponent(toolkit)}`);
    assert.equal(decision.status, 200, `${toolkit}: ${decision.body}`);
  }
});

test('every reply carries a request id, every call’s a call id; HEAD and OPTIONS are answered', async () => {
  for (const reply of [await gateway.get('/healthz'), await gateway.get('/v1/nothing'), await gateway.withKey(null).get('/v1/calls'), await gateway.execute('{')]) assert.match(reply.headers['x-request-id'], /^req_[0-9A-Z]{26}$/);
  for (const reply of [await gateway.execute(read), await gateway.execute({ tool: 'nobody_knows_it' })]) assert.match(reply.headers['x-call-id'], /^call_[0-9A-Z]{26}$/);
  const options = await gateway.request('OPTIONS', '/v1/execute');
  assert.ok([200, 204].includes(options.status));
  assert.match(options.headers.allow, /POST/);
  assert.equal((await gateway.request('HEAD', '/healthz')).status, 200);
});

test('rows come in pages that neither miss nor repeat one', async () => {
  for (let i = 0; i < 23; i++) await gateway.execute({ tool: 'billing_echo', arguments: { i } });
  const all = [];
  let cursor = null;
  do {
    const page = (await gateway.get(`/v1/calls?limit=5&toolkit=billing${cursor ? `&cursor=${cursor}` : ''}`)).json;
    assert.ok(page.items.length <= 5);
    all.push(...page.items.map((row) => row.id));
    cursor = page.next_cursor;
  } while (cursor);
  assert.ok(all.length >= 23);
  assert.equal(new Set(all).size, all.length);
  assert.deepEqual(all, [...all].sort().reverse());
  for (const bad of ['limit=0', 'limit=201', 'limit=x', 'cursor=%21', 'nothing=1']) {
    const reply = await gateway.get(`/v1/calls?${bad}`);
    assert.deepEqual([reply.status, reply.json.code], [400, 'invalid_request'], bad);
  }
});

test('the metrics count what happened', async () => {
  const text = (await gateway.admin.get('/metrics')).body.toString();
  assert.match(text, /switchyard_calls[^\n]*vendor="composio"[^\n]* \d+/);
  await eventually('no call in flight', async () => /in_flight[^\n]* 0/.test((await gateway.admin.get('/metrics')).body.toString()));
});
