// GitHub issues, Infisical, the worker, and the catalogues loaded from files.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pipedreamToken, scalekitToken, sharedDir, startSandbox } from './standin.mjs';

let sandbox;
before(async () => { sandbox = await startSandbox(); });
after(async () => assert.deepEqual(await sandbox.stop(), { code: 0, signal: null }));
beforeEach(() => sandbox.reset());

test('github: create, get, search, list, comment, close, refuse', async () => {
  const github = async (method, path, body, token = sandbox.github_token) => {
    const reply = await fetch(sandbox.github_url + path, { method, headers: { authorization: `Bearer ${token}` }, body: body && JSON.stringify(body) });
    return { status: reply.status, json: await reply.json() };
  };
  const made = await github('POST', '/repos/ComposioHQ/composio/issues', { title: 'Add support for Obscure', body: 'We would like it.', labels: ['toolkit-request'] });
  assert.equal(made.status, 201);
  assert.deepEqual([made.json.number, made.json.state, made.json.labels[0].name], [1, 'open', 'toolkit-request']);
  assert.equal((await github('GET', '/repos/ComposioHQ/composio/issues/1')).json.title, 'Add support for Obscure');
  const search = async (q) => (await github('GET', `/search/issues?q=${encodeURIComponent(q)}`)).json.total_count;
  assert.equal(await search('repo:ComposioHQ/composio obscure in:title is:open'), 1);
  assert.equal(await search('repo:other/repo obscure'), 0);
  assert.equal((await github('POST', '/repos/ComposioHQ/composio/issues/1/comments', { body: 'One more vote' })).status, 201);
  assert.equal((await github('GET', '/repos/ComposioHQ/composio/issues/1/comments')).json.length, 1);
  assert.equal((await github('PATCH', '/repos/ComposioHQ/composio/issues/1', { state: 'closed' })).json.state, 'closed');
  assert.equal(await search('obscure is:open'), 0);
  assert.equal((await github('GET', '/repos/ComposioHQ/composio/issues')).json.length, 0);
  assert.equal((await github('GET', '/repos/ComposioHQ/composio/issues/2')).status, 404);
  assert.equal((await github('POST', '/repos/a/b/issues', {})).status, 422);
  assert.deepEqual([(await github('GET', '/search/issues?q=x', undefined, 'wrong')).json.message], ['Bad credentials']);
});

test('infisical: login, one secret, a folder, refusals', async () => {
  const login = (clientSecret) => fetch(`${sandbox.infisical_url}/api/v1/auth/universal-auth/login`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ clientId: sandbox.infisical_client_id, clientSecret }),
  });
  assert.equal((await login('wrong')).status, 401);
  const { accessToken, tokenType } = await (await login(sandbox.infisical_client_secret)).json();
  assert.equal(tokenType, 'Bearer');
  const get = async (path, token = accessToken) => {
    const reply = await fetch(sandbox.infisical_url + path, { headers: { authorization: `Bearer ${token}` } });
    return { status: reply.status, json: await reply.json() };
  };
  const where = 'workspaceId=p1&environment=prod';
  const one = await get(`/api/v3/secrets/raw/client_id?${where}&secretPath=/pipedream`);
  assert.equal(one.json.secret.secretValue, sandbox.pipedream_client_id);
  assert.equal((await get(`/api/v3/secrets/raw?${where}&secretPath=%2Fpipedream%2F`)).json.secrets.length, 2);
  assert.equal((await get('/api/v4/secrets/GREETING?projectId=p1&environment=prod')).status, 200);
  assert.equal((await get(`/api/v3/secrets/raw/nope?${where}`)).status, 404);
  assert.equal((await get('/api/v3/secrets/raw/GREETING')).status, 400);
  assert.equal((await get(`/api/v3/secrets/raw/GREETING?${where}`, 'a.b.c')).status, 401);
});

test('worker: verifies the signature, replays by key, answers problems', async () => {
  const call = async (body, { secret = sandbox.worker_secret, age = 0, key } = {}) => {
    const text = JSON.stringify(body);
    const stamp = String(Math.floor(Date.now() / 1000) - age);
    const reply = await fetch(sandbox.worker_url, {
      method: 'POST', body: text, headers: {
        'content-type': 'application/json', 'x-switchyard-timestamp': stamp, ...(key && { 'idempotency-key': key }),
        'x-switchyard-signature': `v1=${createHmac('sha256', secret).update(`${stamp}.${text}`).digest('hex')}`,
      },
    });
    return { status: reply.status, type: reply.headers.get('content-type'), json: await reply.json() };
  };
  const create = { call_id: 'call_1', tool: 'billing_create_invoice', tenant: 't', user_id: 'u', arguments: { customer: 'cus_1', amount: 900 } };
  const made = await call(create, { key: 'k1' });
  assert.equal(made.json.data.amount, 900);
  assert.deepEqual((await call(create, { key: 'k1' })).json, made.json);
  assert.notDeepEqual((await call(create, { key: 'k2' })).json, made.json);
  assert.equal((await call({ ...create, tool: 'billing_list_invoices' })).json.data.invoices.length, 2);
  const refused = await call(create, { secret: 'wrong' });
  assert.deepEqual([refused.status, refused.type, refused.json.code], [401, 'application/problem+json', 'unauthorized']);
  assert.equal((await call(create, { age: 4000 })).status, 401);
  assert.equal((await call({ ...create, arguments: {} })).json.code, 'invalid_arguments');
  assert.equal((await call({ ...create, tool: 'billing_void_invoice', arguments: { invoice_id: 'inv_1001' } })).json.code, 'tool_failed');
  assert.equal((await call({ ...create, tool: 'billing_nope' })).json.code, 'tool_not_found');
});

const catalogue = path.join(sharedDir, 'data/catalogue');
test('the real catalogues: lists, searches and single names', { skip: existsSync(catalogue) ? false : `skipped: no ${catalogue}` }, async () => {
  const real = await startSandbox(catalogue);
  try {
    const key = { 'x-api-key': real.composio_api_key };
    const get = async (url, headers) => (await fetch(url, { headers })).json();
    const toolkits = await get(`${real.composio_url}/api/v3.1/toolkits?limit=1000`, key);
    assert.equal(toolkits.total_items, 531);
    assert.ok((await get(`${real.composio_url}/api/v3.1/toolkits?search=accelo`, key)).items.some((one) => one.slug === 'accelo'));
    assert.equal((await get(`${real.composio_url}/api/v3.1/tools/ABLY_GET_STATS`, key)).toolkit.slug, 'ably');
    assert.ok((await get(`${real.composio_url}/api/v3.1/tools?limit=9999&toolkit_slug=github`, key)).total_items > 500);
    const bearer = { authorization: `Bearer ${await pipedreamToken(real)}`, 'x-pd-environment': 'development' };
    assert.equal((await get(`${real.pipedream_url}/v1/connect/apps?limit=1`, bearer)).page_info.total_count, 2596);
    assert.equal((await get(`${real.pipedream_url}/v1/connect/apps/_1crm`, bearer)).data.name, '1CRM');
    const scalekit = { authorization: `Bearer ${await scalekitToken(real)}` };
    assert.equal((await get(`${real.scalekit_url}/api/v1/providers?page_size=1000`, scalekit)).total_size, 349);
    assert.ok((await get(`${real.scalekit_url}/api/v1/tools?filter.query=twitteroauth_users&page_size=5`, scalekit)).total_size >= 3);
    assert.equal((await get(`${real.scalekit_url}/api/v1/connected_accounts/details?connector=github&identifier=user_123`, scalekit)).connected_account.status, 'ACTIVE');
  } finally {
    assert.deepEqual(await real.stop(), { code: 0, signal: null });
  }
});

test('only loopback: the stand-ins refuse to listen elsewhere, and know no page but their own', async () => {
  assert.match(sandbox.composio_url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.equal((await fetch(`${sandbox.composio_url}/__sandbox/nope`)).status, 404);
});
