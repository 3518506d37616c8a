// @pipedream/sdk, unmodified, against the Pipedream stand-in.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { PipedreamClient } from '@pipedream/sdk';
import { consent, pipedreamToken, startSandbox } from './standin.mjs';

let sandbox;
let client;
before(async () => { sandbox = await startSandbox(); });
after(async () => assert.deepEqual(await sandbox.stop(), { code: 0, signal: null }));
beforeEach(async () => {
  await sandbox.reset();
  client = new PipedreamClient({
    baseUrl: sandbox.pipedream_url, clientId: sandbox.pipedream_client_id, clientSecret: sandbox.pipedream_client_secret,
    projectId: sandbox.pipedream_project_id, projectEnvironment: 'development',
  });
});

const failure = async (promise) => {
  try { await promise; } catch (error) { return error; }
  throw new assert.AssertionError({ message: 'it should have failed' });
};
const collect = async (pager) => { const all = []; for await (const one of await pager) all.push(one); return all; };
const accountOf = async (externalUserId, app) => (await collect(client.accounts.list({ externalUserId, app })))[0];
const once = { maxRetries: 0 };

test('apps: list to the last page, search, one by slug and id, categories', async () => {
  const all = await collect(client.apps.list({ limit: 5 }));
  assert.ok(all.length >= 12);
  assert.equal(new Set(all.map((app) => app.nameSlug)).size, all.length);
  const [tags] = await collect(client.apps.list({ q: 'tag manager' }));
  assert.equal(tags.nameSlug, 'google_tag_manager');
  assert.equal((await client.apps.retrieve(tags.id)).data.nameSlug, 'google_tag_manager');
  assert.equal((await client.apps.retrieve('google_tag_manager')).data.authType, 'oauth');
  assert.equal((await failure(client.apps.retrieve('nonesuch'))).statusCode, 404);
  const categories = await client.appCategories.list();
  assert.ok(Array.isArray(categories) && categories.length > 3);
  const marketing = categories.find((one) => one.name === 'marketing');
  assert.deepEqual((await collect(client.apps.list({ categoryIds: [marketing.id] }))).map((a) => a.nameSlug).sort(), ['bitly', 'google_tag_manager']);
});

test('components: list by app, retrieve, search, refuse a bad registry', async () => {
  const actions = await collect(client.actions.list({ app: 'google_tag_manager' }));
  assert.ok(actions.some((one) => one.key === 'google_tag_manager-create-tag'));
  const { data } = await client.actions.retrieve('google_sheets-add-single-row');
  assert.deepEqual(data.configurableProps[0], { name: 'googleSheets', type: 'app', app: 'google_sheets' });
  assert.equal(data.annotations.readOnlyHint, false);
  assert.deepEqual((await collect(client.components.list({ q: 'delete tag' }))).length, 0);
  assert.equal((await collect(client.components.list({ q: 'delete-tag' }))).length, 1);
  assert.deepEqual(await collect(client.triggers.list({ app: 'slack' })), []);
  assert.equal((await failure(client.actions.retrieve('slack-nope'))).statusCode, 404);
  const token = await pipedreamToken(sandbox);
  const bad = await fetch(`${sandbox.pipedream_url}/v1/connect/${sandbox.pipedream_project_id}/actions?registry=odd`, {
    headers: { authorization: `Bearer ${token}`, 'x-pd-environment': 'development' },
  });
  assert.equal(bad.status, 400);
});

test('configure and reload a prop', async () => {
  const account = await accountOf('user_123', 'slack');
  const configuredProps = { slack: { authProvisionId: account.id } };
  const options = await client.actions.configureProp({ id: 'slack-send-message', externalUserId: 'user_123', propName: 'conversation', configuredProps, query: 'gen' });
  assert.deepEqual(options.options, [{ label: 'C024GENERAL', value: 'C024GENERAL' }]);
  const none = await client.actions.configureProp({ id: 'slack-send-message', externalUserId: 'user_123', propName: 'text', configuredProps });
  assert.equal(none.errors.length, 1);
  const props = await client.actions.reloadProps({ id: 'slack-send-message', externalUserId: 'user_123', configuredProps });
  assert.match(props.dynamicProps.id, /^dyp_/);
});

test('run: result, summary, stash', async () => {
  const account = await accountOf('user_123', 'google_tag_manager');
  const reply = await client.actions.run({
    id: 'google_tag_manager-create-tag', externalUserId: 'user_123', stashId: 'NEW',
    configuredProps: { google_tag_manager: { authProvisionId: account.id }, accountId: '6001', containerId: '7001', workspaceId: '3', name: 'Consent' },
  });
  assert.equal(reply.ret.name, 'Consent');
  assert.match(reply.exports.$summary, /Create a tag/);
  assert.deepEqual(reply.os, []);
  assert.match(reply.stashId, /./);
});

test('run: what fails inside 200, and what is a 404', async () => {
  const run = (user, props, id = 'github-create-issue') => client.actions.run({ id, externalUserId: user, configuredProps: props });
  const args = { repoFullname: 'o/r', title: 't' };
  const bound = async (user) => ({ github: { authProvisionId: (await accountOf(user, 'github')).id }, ...args });
  const unbound = await run('user_123', args);
  assert.match(unbound.error.message, /oauth_access_token/);
  assert.match((await run('user_123', { wrong: { authProvisionId: 'apn_x' }, ...args })).error.message, /oauth_access_token/);
  const noscope = await run('user_noscope', await bound('user_noscope'));
  assert.equal(noscope.os[0].err.response.status, 403);
  assert.match(JSON.stringify(noscope.os), /ACCESS_TOKEN_SCOPE_INSUFFICIENT/);
  assert.equal((await run('user_expired', await bound('user_expired'))).os[0].err.response.status, 401);
  assert.equal((await run('user_limited', await bound('user_limited'))).os[0].err.response.status, 429);
  const lacking = { ...(await bound('user_123')) };
  delete lacking.title;
  assert.equal((await run('user_123', lacking)).error.name, 'ConfigurationError');
  assert.equal((await failure(run('user_123', await bound('user_stale')))).statusCode, 404);
  assert.equal((await failure(run('user_123', { github: { authProvisionId: 'apn_gone' }, ...args }))).statusCode, 404);
  assert.equal((await failure(run('user_123', args, 'github-no-such-action'))).statusCode, 404);
});

test('connect: token, validate, page, account, single use', async () => {
  const made = await client.tokens.create({ externalUserId: 'user_new', successRedirectUri: 'https://app.example/ok', errorRedirectUri: 'https://app.example/no' });
  assert.match(made.token, /^ctok_[0-9a-f]{32}$/);
  const slack = (await client.apps.retrieve('slack')).data;
  assert.equal((await client.tokens.validate(made.token, { appId: slack.id })).success, true);
  assert.equal((await client.tokens.validate(made.token, { appId: 'app_nope' })).success, false);
  assert.equal((await client.tokens.validate('ctok_nope', { appId: slack.id })).success, false);
  const link = `${made.connectLinkUrl}&app=slack`;
  assert.equal((await consent(link, 'deny')).location, 'https://app.example/no');
  assert.equal(await accountOf('user_new', 'slack'), undefined);
  assert.equal((await consent(link)).location, 'https://app.example/ok');
  const account = await accountOf('user_new', 'slack');
  assert.equal(account.healthy, true);
  assert.ok(!account.dead);
  assert.equal((await consent(link)).status, 410);
  assert.equal((await consent(`${(await client.tokens.create({ externalUserId: 'u' })).connectLinkUrl}&app=nonesuch`)).status, 404);
  const again = await client.tokens.create({ externalUserId: 'user_expired' });
  const dead = await accountOf('user_expired', 'slack');
  assert.equal(dead.dead, true);
  await consent(`${again.connectLinkUrl}&app=slack&accountId=${dead.id}`);
  assert.equal((await accountOf('user_expired', 'slack')).id, dead.id);
  assert.equal((await accountOf('user_expired', 'slack')).healthy, true);
});

test('a connect token is a bearer for its own user, without the project in the path', async () => {
  const { token } = await client.tokens.create({ externalUserId: 'user_123' });
  const get = (path, method = 'GET') => fetch(`${sandbox.pipedream_url}${path}`, { method, headers: { authorization: `Bearer ${token}` } });
  const list = await (await get('/v1/connect/accounts?app=github')).json();
  assert.equal(list.data[0].external_id, 'user_123');
  const target = Buffer.from('/user').toString('base64url');
  const proxied = await get(`/v1/connect//proxy/${target}?account_id=${list.data[0].id}`);
  assert.equal((await proxied.json()).url, 'https://api.github.com/user');
});

test('accounts: environments are apart, retrieve is bare, delete is 204', async () => {
  const { connectLinkUrl } = await client.tokens.create({ externalUserId: 'user_new' });
  await consent(`${connectLinkUrl}&app=slack`);
  const account = await accountOf('user_new', 'slack');
  assert.equal((await client.accounts.retrieve(account.id)).id, account.id);
  const production = new PipedreamClient({
    baseUrl: sandbox.pipedream_url, clientId: sandbox.pipedream_client_id, clientSecret: sandbox.pipedream_client_secret,
    projectId: sandbox.pipedream_project_id, projectEnvironment: 'production',
  });
  assert.deepEqual(await collect(production.accounts.list({ externalUserId: 'user_new' })), []);
  assert.equal((await failure(production.accounts.retrieve(account.id))).statusCode, 404);
  assert.ok((await collect(client.users.list({}))).some((user) => user.externalId === 'user_new'));
  await client.accounts.delete(account.id);
  assert.equal((await failure(client.accounts.retrieve(account.id))).body.error, 'record not found');
  await accountOf('user_123', 'slack');
  await client.users.deleteExternalUser('user_123');
  await client.accounts.deleteByApp('gmail');
});

test('proxy: both base64 alphabets, relative and absolute, upstream status passes', async () => {
  const account = await accountOf('user_123', 'slack');
  const reply = await client.proxy.post({
    url: 'https://slack.com/api/chat.postMessage?q=>>>???', externalUserId: 'user_123', accountId: account.id, body: { text: 'hello' },
    headers: { 'Content-Type': 'application/json' },
  });
  assert.equal(JSON.stringify(reply).includes('hello'), true);
  const token = await pipedreamToken(sandbox);
  const get = (target, user = 'user_123', id = account.id) => fetch(
    `${sandbox.pipedream_url}/v1/connect/${sandbox.pipedream_project_id}/proxy/${target}?external_user_id=${user}&account_id=${id}`,
    { headers: { authorization: `Bearer ${token}`, 'x-pd-environment': 'development', 'x-pd-proxy-accept': 'text/x' } });
  const text = '/api/v2/chat?a=>>>&b=???x';
  const seen = [];
  const standard = Buffer.from(text).toString('base64');
  assert.match(standard, /[+/].*=/);
  for (const coded of [Buffer.from(text).toString('base64url'), encodeURIComponent(standard)]) {
    const one = await get(coded);
    assert.equal(one.headers.get('x-echo-accept'), 'text/x');
    seen.push((await one.json()).url);
  }
  assert.deepEqual(new Set(seen), new Set([`https://slack.com/api${text}`]));
  assert.equal((await get(Buffer.from('/missing').toString('base64url'))).status, 404);
  assert.equal((await get('%%%')).status, 400);
  assert.equal((await get(Buffer.from('/x').toString('base64url'), 'user_123', 'apn_gone')).status, 404);
  const stale = await accountOf('user_stale', 'slack');
  assert.equal((await get(Buffer.from('/x').toString('base64url'), 'user_stale', stale.id)).status, 401);
});

test('tokens: JSON and form mints, bad clients, bad tokens, missing environment', async () => {
  const mint = (headers, body) => fetch(`${sandbox.pipedream_url}/v1/oauth/token`, { method: 'POST', headers, body });
  const form = await mint({ 'content-type': 'application/x-www-form-urlencoded' },
    `grant_type=client_credentials&client_id=${sandbox.pipedream_client_id}&client_secret=${sandbox.pipedream_client_secret}`);
  assert.equal((await form.json()).expires_in, 3600);
  const json = { 'content-type': 'application/json' };
  assert.equal((await mint(json, JSON.stringify({ grant_type: 'client_credentials', client_id: 'x', client_secret: 'y' }))).status, 401);
  assert.equal((await mint(json, JSON.stringify({ grant_type: 'password' }))).status, 400);
  const bad = new PipedreamClient({ baseUrl: sandbox.pipedream_url, clientId: 'x', clientSecret: 'y', projectId: sandbox.pipedream_project_id });
  assert.equal((await failure(bad.accounts.list({}))).statusCode, 401);
  const token = await pipedreamToken(sandbox);
  const call = (headers) => fetch(`${sandbox.pipedream_url}/v1/connect/${sandbox.pipedream_project_id}/accounts`, { headers });
  assert.equal((await call({})).status, 401);
  assert.equal((await call({ authorization: 'Bearer a.b.c', 'x-pd-environment': 'development' })).status, 401);
  assert.equal((await call({ authorization: `Bearer ${token}` })).status, 400);
});

test('usage counts runs and proxied requests; projects and custom limits answer', async () => {
  const account = await accountOf('user_123', 'bitly');
  await client.actions.run({ id: 'bitly-list-bitlinks-by-group', externalUserId: 'user_123', configuredProps: { bitly: { authProvisionId: account.id } } });
  const usage = await client.usage.list({ startTs: 1735689600, endTs: 1735776000 });
  assert.equal(usage.data[0].actionRunCreditsUsed, 1);
  assert.equal((await failure(client.usage.list({ startTs: 5, endTs: 1 }))).statusCode, 400);
  assert.equal((await client.projects.retrieve(sandbox.pipedream_project_id)).id, sandbox.pipedream_project_id);
  assert.ok((await client.projects.retrieveInfo()).apps.length > 5);
});

test('the SDK repeats a run on 500 and waits out a 429', async () => {
  const account = await accountOf('user_123', 'bitly');
  const props = { id: 'bitly-list-bitlinks-by-group', externalUserId: 'user_123', configuredProps: { bitly: { authProvisionId: account.id } } };
  await sandbox.fault({ vendor: 'pipedream', tool: 'bitly-*', count: 0, fault: { status: 500, body: { error: 'Unexpected error' } } });
  assert.equal((await failure(client.actions.run(props))).statusCode, 500);
  const path = `POST /v1/connect/${sandbox.pipedream_project_id}/actions/run`;
  assert.equal((await sandbox.counts()).pipedream.requests[path], 3);
  await sandbox.clearFaults();
  await sandbox.fault({ vendor: 'pipedream', tool: 'bitly-*', fault: { rate_limited: { retry_after: 'seconds', seconds: 1 } } });
  assert.ok((await client.actions.run(props)).ret.links);
  await sandbox.fault({ vendor: 'pipedream', tool: 'bitly-*', fault: { rate_limited: { retry_after: 'seconds', seconds: 1 } } });
  const limited = await failure(client.actions.run(props, once));
  assert.equal(limited.statusCode, 429);
  assert.equal(limited.body.error, 'Throttled');
});
