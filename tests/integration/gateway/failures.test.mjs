// Failures told apart: what is missing, who has to act, and what the next step is.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { configured, consent } from './gateway.mjs';

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

const email = { recipient_email: 'a@northwind.example', subject: 's', body: 'b' };
const tag = { accountId: '6001', containerId: '1', workspaceId: '1', name: 'n', type: 't' };
const tools = {
  composio: { read: { tool: 'gmail_fetch_emails', vendor: 'composio' }, write: { tool: 'gmail_send_email', vendor: 'composio', arguments: email } },
  scalekit: { read: { tool: 'gmail_fetch_emails', vendor: 'scalekit' }, write: { tool: 'gmail_send_email', vendor: 'scalekit', arguments: email } },
  pipedream: { read: { tool: 'gtm_list_accounts' }, write: { tool: 'gtm_create_tag', arguments: tag } },
};

// user → what a read ends with at composio, scalekit, pipedream (status and code).
const users = {
  user_stale: [[409, 'connection_expired'], [409, 'connection_expired'], [409, 'connection_expired']],
  user_expired: [[409, 'connection_expired'], [409, 'connection_expired'], [409, 'connection_expired']],
  user_revoked: [[409, 'connection_revoked'], [409, 'connection_revoked'], [409, 'connection_expired']],
  user_error: [[409, 'connection_error'], [409, 'connection_revoked'], [409, 'connection_error']],
  user_pending: [[409, 'connection_pending'], [409, 'connection_pending'], [409, 'connection_required']],
  user_verify: [[409, 'connection_pending'], [409, 'connection_pending'], [409, 'connection_required']],
  user_nobody: [[409, 'connection_required'], [409, 'connection_required'], [409, 'connection_required']],
  user_limited: [[429, 'rate_limited'], [429, 'rate_limited'], [429, 'rate_limited']],
  user_down: [[422, 'tool_failed'], [422, 'tool_failed'], [422, 'tool_failed']],
};
for (const [user, expected] of Object.entries(users)) {
  for (const [i, vendor] of Object.keys(tools).entries()) {
    test(`${vendor}: ${user} is told ${expected[i][1]}`, async () => {
      const reply = await gateway.execute({ ...tools[vendor].read, user_id: user });
      const problem = reply.json;
      assert.deepEqual([reply.status, problem.code], expected[i], reply.body.toString());
      assert.equal(problem.maybe_applied, false);
      if (reply.status === 409) {
        assert.equal(problem.origin, 'user');
        assert.match(problem.connect_url, /^http:/);
        if (problem.expires_at) assert.ok(Date.parse(problem.expires_at) > Date.now());
      } else {
        assert.equal(problem.origin, 'provider');
        if (reply.status === 429) assert.equal(problem.by, 'provider');
      }
    });
  }
}

for (const vendor of Object.keys(tools)) {
  test(`${vendor}: a grant that is too small is scope_missing, and only for what it lacks`, async () => {
    assert.equal((await gateway.execute({ ...tools[vendor].read, user_id: 'user_noscope' })).status, 200);
    const reply = await gateway.execute({ ...tools[vendor].write, user_id: 'user_noscope' });
    assert.deepEqual([reply.status, reply.json.code, reply.json.fix], [403, 'scope_missing', 'reconsent'], reply.body.toString());
    assert.ok('missing_scopes' in reply.json);
    assert.match(reply.json.connect_url, /^http:/);
  });

  test(`${vendor}: a click on the connect link makes the refused call succeed`, async () => {
    const call = { ...tools[vendor].read, user_id: `newcomer_${vendor}` };
    const refused = await gateway.execute(call);
    assert.deepEqual([refused.status, refused.json.code], [409, 'connection_required'], refused.body.toString());
    const clicked = await consent(refused.json.connect_url);
    assert.ok(clicked.status < 400, JSON.stringify(clicked));
    const retried = await gateway.execute(call);
    assert.equal(retried.status, 200, retried.body.toString());
  });

  test(`${vendor}: the same link is given out while it lives`, async () => {
    const call = { ...tools[vendor].read, user_id: `undecided_${vendor}` };
    const links = [];
    for (let i = 0; i < 3; i++) links.push((await gateway.execute(call)).json.connect_url);
    assert.equal(new Set(links).size, 1, links.join(' '));
  });

  test(`${vendor}: an unknown tool of a known toolkit is tool_not_found, with suggestions`, async () => {
    const reply = await gateway.execute({ tool: vendor === 'pipedream' ? 'gtm_list_account' : 'gmail_fetch_emailz', vendor, user_id: 'user_123' });
    assert.deepEqual([reply.status, reply.json.code, reply.json.maybe_applied], [404, 'tool_not_found', false], reply.body.toString());
    assert.ok(reply.json.suggestions.length > 0, reply.body.toString());
  });
}

test('what the provider refuses is tool_failed with its status; a 403 without scope wording, too', async () => {
  for (const [word, status] of [['missing', 404], ['forbidden', 403], ['rejected', 422]]) {
    const reply = await gateway.execute({ tool: 'gmail_fetch_message_by_message_id', user_id: 'user_123', arguments: { message_id: word } });
    assert.deepEqual([reply.status, reply.json.code, reply.json.provider_status], [422, 'tool_failed', status], reply.body.toString());
  }
});

test('arguments that the tool does not take are invalid_arguments', async () => {
  const reply = await gateway.execute({ tool: 'gmail_fetch_message_by_message_id', user_id: 'user_123', arguments: {} });
  assert.deepEqual([reply.status, reply.json.code], [422, 'invalid_arguments']);
  assert.ok(reply.json.errors.length > 0);
});

test('a toolkit that our project lacks is toolkit_not_configured, and says what to do', async () => {
  for (const vendor of ['composio', 'scalekit']) {
    const reply = await gateway.execute({ tool: 'zendesk_create_zendesk_ticket', vendor, user_id: 'user_123', arguments: { subject: 's' } });
    assert.deepEqual([reply.status, reply.json.code], [503, 'toolkit_not_configured'], reply.body.toString());
    assert.ok(reply.json.todo, reply.body.toString());
  }
});

test('a toolkit without a row is asked for, becomes DISCOVERED and is called', async () => {
  const call = { tool: 'asana_get_current_user', user_id: 'user_123' };
  const looked = (await gateway.get('/v1/resolve?tool=jotterpad_list_notes')).json;
  assert.equal(looked.decision, 'probe', JSON.stringify(looked));
  await gateway.execute(call);
  const row = (await gateway.get('/v1/registry/toolkits/bitly')).status;
  assert.equal((await gateway.execute({ tool: 'bitly_create_bitlink', user_id: 'user_123', arguments: { long_url: 'https://northwind.example' } })).json.code ?? 'ok', 'ok');
  assert.ok(row === 404 || row === 200);
  const rows = (await gateway.get('/v1/registry/toolkits/bitly')).json;
  assert.ok(rows.some((one) => ['DISCOVERED', 'LIVE'].includes(one.status) && one.vendor === 'pipedream'), JSON.stringify(rows));
});

const casesNamed = async (name) => (await gateway.get('/v1/cases?limit=200')).json.items.filter((one) => one.name.toLowerCase().replace(/[-_ ]/g, '') === name);

test('a toolkit that nobody has opens one case, whatever its spelling and whoever asks', async () => {
  const before = (await setup.sandbox.counts()).composio.total;
  const ids = new Set();
  for (const toolkit of ['Quibbletron', 'quibbletron', 'quibble-tron', 'Quibble_Tron', 'quibble tron', 'QUIBBLETRON']) {
    const reply = await gateway.execute({ tool: 'sing_songs', toolkit, user_id: 'user_123' });
    assert.deepEqual([reply.status, reply.json.code], [404, 'toolkit_missing'], reply.body.toString());
    assert.deepEqual(reply.json.suggestions, []);
    ids.add(reply.json.case_id);
  }
  const other = await gateway.makeKey('ascend');
  ids.add((await other.execute({ tool: 'quibbletron_dance' })).json.case_id);
  assert.equal(ids.size, 1);
  const [one, ...more] = await casesNamed('quibbletron');
  assert.equal(more.length, 0);
  assert.equal(one.calls, 7);
  assert.deepEqual(one.tenants, { default: 6, ascend: 1 });
  assert.ok((await setup.sandbox.counts()).composio.total - before <= 3, 'the vendors are asked once, the answer is remembered');
});

test('a misspelled toolkit gets suggestions and no case', async () => {
  for (const [toolkit, meant] of [['gmial', 'gmail'], ['gitub', 'github'], ['slak', 'slack'], ['notoin', 'notion'], ['hubspott', 'hubspot']]) {
    const reply = await gateway.execute({ tool: `${toolkit}_do_it`, user_id: 'user_123' });
    assert.deepEqual([reply.status, reply.json.code, reply.json.cause], [404, 'toolkit_missing', 'near_miss'], reply.body.toString());
    assert.ok(reply.json.suggestions.includes(meant), reply.body.toString());
    assert.equal(reply.json.case_id, undefined);
    assert.deepEqual(await casesNamed(toolkit), []);
  }
});

test('a tenant opens at most a hundred new cases a day', async () => {
  const key = await gateway.makeKey('flood');
  const before = (await gateway.get('/v1/cases?limit=200')).json.items.length;
  let capped = 0;
  const names = Array.from({ length: 105 }, (_, i) => `zz${String.fromCharCode(97 + Math.floor(i / 26), 97 + (i % 26)).repeat(5)}vendorless`);
  for (const name of names) {
    const reply = await key.execute({ tool: `${name}_go` });
    assert.deepEqual([reply.status, reply.json.code], [404, 'toolkit_missing'], reply.body.toString());
    if (!reply.json.case_id) capped++;
  }
  assert.equal(capped, 5);
  assert.equal((await gateway.get('/v1/cases?limit=200')).json.items.length - before, 100);
  assert.ok((await key.execute({ tool: `${names[3]}_again` })).json.case_id, 'an open case is bumped all the same');
});

test('none found but one could not be asked is vendor_unavailable, not missing', async () => {
  await setup.sandbox.fault({ vendor: 'pipedream', count: 0, fault: { status: 503 } });
  const reply = await gateway.execute({ tool: 'wobblewort_go', user_id: 'user_123' });
  await setup.sandbox.clearFaults();
  assert.deepEqual([reply.status, reply.json.code, reply.json.cause], [503, 'vendor_unavailable', 'not_asked'], reply.body.toString());
  assert.deepEqual(await casesNamed('wobblewort'), []);
});

test('keys: none, a wrong one, one without the scope, one of another tenant', async () => {
  for (const key of [null, 'sy_live_wrong', 'nonsense']) {
    const reply = await gateway.withKey(key).execute({ tool: 'echo_echo' });
    assert.deepEqual([reply.status, reply.json.code], [401, 'unauthorized']);
  }
  const reader = await gateway.makeKey('default', ['connect']);
  const reply = await reader.execute({ tool: 'echo_echo' });
  assert.deepEqual([reply.status, reply.json.code], [403, 'forbidden']);
  const stranger = await gateway.makeKey('kahuna');
  const own = (await gateway.execute({ tool: 'echo_echo', user_id: 'user_123' })).json.id;
  assert.equal((await stranger.get(`/v1/calls/${own}`)).status, 404);
  assert.deepEqual((await stranger.get('/v1/calls')).json.items, []);
});
