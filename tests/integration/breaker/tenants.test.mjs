// One tenant's things do not exist for another: accounts by id, keys of idempotency, calls, labels.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { Client, serveSandbox } from '../gateway/gateway.mjs';

let gateway;
let ada;
let bob;
before(async () => {
  gateway = await serveSandbox();
  const tenant = async (name) => {
    await gateway.post('/v1/tenants', { tenant: name });
    return gateway.withKey((await gateway.post('/v1/keys', { tenant: name, scopes: ['call'] })).json.secret);
  };
  ada = await tenant('ada');
  bob = await tenant('bob');
});
after(() => gateway.stop());

// The ids of bob's accounts as the vendors know them.
async function accountsOfBob() {
  const known = gateway.sandbox;
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: known.scalekit_client_id, client_secret: known.scalekit_client_secret }).toString();
  const ask = async (url, target, headers) => (await new Client(url, null).get(target, { headers })).json;
  const token = async (url, target, body, type) =>
    (await new Client(url, null).post(target, body, { headers: { 'content-type': type, 'content-length': Buffer.byteLength(body) } })).json.access_token;
  const scalekit = await token(known.scalekit_url, '/oauth/token', form, 'application/x-www-form-urlencoded');
  const pipedream = await token(known.pipedream_url, '/v1/oauth/token',
    JSON.stringify({ grant_type: 'client_credentials', client_id: known.pipedream_client_id, client_secret: known.pipedream_client_secret }), 'application/json');
  return {
    composio: (await ask(known.composio_url, '/api/v3.1/connected_accounts?user_ids=bob:user_123&toolkit_slugs=echo', { 'x-api-key': known.composio_api_key })).items[0].id,
    scalekit: (await ask(known.scalekit_url, '/api/v1/connected_accounts?identifier=bob%3Auser_123&connector=echo', { authorization: `Bearer ${scalekit}` })).connected_accounts[0].id,
    pipedream: (await ask(known.pipedream_url, `/v1/connect/${known.pipedream_project_id}/accounts?external_user_id=bob%3Auser_123&app=echo`, { authorization: `Bearer ${pipedream}`, 'x-pd-environment': 'development' })).data[0].id,
  };
}

test('an account named by its id runs for its owner alone', async () => {
  for (const vendor of ['composio', 'scalekit', 'pipedream'])
    assert.equal((await bob.execute({ tool: 'echo_echo', user_id: 'user_123', vendor })).status, 200, vendor);
  for (const [vendor, id] of Object.entries(await accountsOfBob())) {
    const named = { tool: 'echo_write', connection_id: `${vendor}:${id}` };
    assert.equal((await bob.execute({ ...named, user_id: 'user_123' })).status, 200, vendor);
    for (const [who, user] of [[ada, 'user_123'], [ada, 'user_new'], [ada, 'bob:user_123'], [ada, undefined], [bob, 'user_new'], [bob, undefined]]) {
      const reply = await who.execute({ ...named, user_id: user });
      assert.deepEqual([reply.status, reply.json.cause], [409, 'account_mismatch'], `${vendor} ${user}: ${reply.body}`);
    }
  }
});

test('equal idempotency keys of two tenants are two keys', async () => {
  const once = (who, n) => who.execute({ tool: 'echo_write', user_id: 'user_123', arguments: { n } }, { headers: { 'idempotency-key': 'equal' } });
  assert.equal((await once(ada, 1)).json.data.n, 1);
  assert.equal((await once(bob, 2)).json.data.n, 2);
  assert.equal((await once(ada, 1)).headers['idempotency-replayed'], 'true');
});

test('calls of another tenant do not exist', async () => {
  const { id } = (await ada.execute({ tool: 'echo_echo', user_id: 'user_123' })).json;
  assert.equal((await ada.get(`/v1/calls/${id}`)).status, 200);
  assert.equal((await bob.get(`/v1/calls/${id}`)).status, 404);
  assert.equal((await bob.get('/v1/calls?tenant=ada')).status, 403);
  assert.equal((await bob.get('/v1/resolve?tool=echo_echo&tenant=ada')).status, 403);
  assert.ok((await bob.get('/v1/calls')).json.items.every((row) => row.tenant === 'bob'));
});
