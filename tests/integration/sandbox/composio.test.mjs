// @composio/core and @composio/client, unmodified, against the Composio stand-in.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { Composio } from '@composio/core';
import ComposioClient from '@composio/client';
import { consent, startSandbox } from './standin.mjs';

let sandbox;
let core;
let raw;
before(async () => { sandbox = await startSandbox(); });
after(async () => assert.deepEqual(await sandbox.stop(), { code: 0, signal: null }));
beforeEach(async () => {
  await sandbox.reset();
  const options = { apiKey: sandbox.composio_api_key, baseURL: sandbox.composio_url };
  core = new Composio({ ...options, allowTracking: false, disableVersionCheck: true });
  raw = new ComposioClient({ ...options, maxRetries: 0 });
});

const failure = async (promise) => {
  try { await promise; } catch (error) { return error; }
  throw new assert.AssertionError({ message: 'it should have failed' });
};
const envelope = (error) => (error.error?.error ?? error.cause?.error?.error ?? error.cause?.cause?.error?.error);
const client = (apiKey, more = {}) => new ComposioClient({ apiKey, baseURL: sandbox.composio_url, maxRetries: 0, ...more });

test('toolkits: list, page, search, one, many, categories', async () => {
  const items = await core.toolkits.get({});
  assert.ok(items.length >= 12);
  const page = await raw.toolkits.list({ limit: 5 });
  const next = await raw.toolkits.list({ limit: 5, cursor: page.next_cursor });
  assert.equal(page.items.length, 5);
  assert.notEqual(page.items[0].slug, next.items[0].slug);
  assert.deepEqual((await raw.toolkits.list({ search: 'github' })).items.map((t) => t.slug), ['github']);
  const one = await core.toolkits.get('github');
  assert.equal(one.name, 'GitHub');
  assert.ok((await core.toolkits.listCategories({})).items.length > 3);
  assert.equal((await failure(raw.toolkits.list({ search: 'gi' }))).status, 400);
  assert.equal((await failure(raw.toolkits.retrieve('nonesuch'))).status, 404);
});

test('tools: list, search, one, by toolkit only the important, deprecated only when asked', async () => {
  const found = await core.tools.getRawComposioTools({ search: 'create issue', limit: 10 });
  assert.ok(found.some((tool) => tool.slug === 'GITHUB_CREATE_AN_ISSUE'));
  const important = await core.tools.getRawComposioTools({ toolkits: ['github'] });
  const all = await raw.tools.list({ toolkit_slug: 'github', limit: 1000 });
  assert.ok(important.length < all.items.length);
  const named = await core.tools.getRawComposioTools({ tools: ['GITHUB_GET_A_REPOSITORY', 'GMAIL_SEND_EMAIL'] });
  assert.deepEqual(named.map((tool) => tool.slug).sort(), ['GITHUB_GET_A_REPOSITORY', 'GMAIL_SEND_EMAIL']);
  const tool = await core.tools.getRawComposioToolBySlug('GITHUB_GET_A_REPOSITORY');
  assert.deepEqual(tool.inputParameters.required, ['owner', 'repo']);
  const slugs = async (query) => (await raw.tools.list({ toolkit_slug: 'gmail', limit: 1000, ...query })).items.map((t) => t.slug);
  assert.ok(!(await slugs({})).includes('GMAIL_FETCH_MAILS'));
  assert.ok((await slugs({ include_deprecated: true })).includes('GMAIL_FETCH_MAILS'));
  assert.deepEqual((await raw.tools.list({ toolkit_slug: 'nonesuch' })).items, []);
});

test('execute: core asks for the tool, then runs it', async () => {
  const result = await core.tools.execute('GITHUB_GET_A_REPOSITORY', { userId: 'user_123', version: '20260901_00', arguments: { owner: 'o', repo: 'r' } });
  assert.equal(result.successful, true);
  assert.equal(result.data.name, 'r');
  assert.match(result.logId, /^log_/);
  const input = await raw.tools.getInput('GITHUB_GET_A_REPOSITORY', { text: 'get repo a/b' });
  assert.deepEqual(input.arguments, { owner: 'a', repo: 'b' });
});

test('the default version is frozen on v3 and the latest on v3.1', async () => {
  const call = (prefix, body) => fetch(`${sandbox.composio_url}/api/${prefix}/tools/execute/SLACK_SEND_MESSAGE`, {
    method: 'POST', headers: { 'x-api-key': sandbox.composio_api_key, 'content-type': 'application/json' },
    body: JSON.stringify({ user_id: 'user_123', arguments: { channel: 'C1', text: 'hi' }, ...body }),
  });
  const old = await call('v3', {});
  assert.equal(old.status, 404);
  assert.equal((await old.json()).error.slug, 'Tool_ToolNotFound');
  assert.equal((await call('v3.1', {})).status, 200);
  assert.equal((await call('v3', { version: 'latest' })).status, 200);
  assert.equal((await call('v3.1', { version: '00000000_00' })).status, 404);
  assert.equal((await fetch(`${sandbox.composio_url}/api/v1/apps`)).status, 410);
});

test('connect: link, consent page, callback parameters, status', async () => {
  const config = (await core.authConfigs.list({ toolkit: 'github' })).items[0];
  const link = await core.connectedAccounts.link('user_new', config.id, { callbackUrl: 'https://app.example/cb?kept=1' });
  assert.equal((await core.connectedAccounts.get(link.id)).status, 'INITIATED');
  const done = await consent(link.redirectUrl);
  assert.equal(done.status, 302);
  const back = new URL(done.location);
  assert.deepEqual(Object.fromEntries(back.searchParams), { kept: '1', status: 'success', connected_account_id: link.id });
  const account = await link.waitForConnection(5000);
  assert.equal(account.status, 'ACTIVE');
  assert.equal((await consent(link.redirectUrl)).status, 410);
  const result = await core.tools.execute('GITHUB_GET_THE_AUTHENTICATED_USER', { userId: 'user_new', version: '20260901_00', arguments: {} });
  assert.equal(result.successful, true);
});

test('connect: a denial fails the account', async () => {
  const config = (await core.authConfigs.list({ toolkit: 'slack' })).items[0];
  const link = await core.connectedAccounts.link('user_new', config.id, { callbackUrl: 'https://app.example/cb' });
  assert.match((await consent(link.redirectUrl, 'deny')).location, /status=failed/);
  assert.equal((await core.connectedAccounts.get(link.id)).status, 'FAILED');
  await assert.rejects(link.waitForConnection(3000));
});

test('connect: a link nobody follows expires, and its account with it', async () => {
  await sandbox.switches({ link_life_ms: 100 });
  const config = (await core.authConfigs.list({ toolkit: 'slack' })).items[0];
  const link = await core.connectedAccounts.link('user_new', config.id, {});
  assert.equal((await core.connectedAccounts.get(link.id)).status, 'INITIATED');
  await new Promise((resolve) => { setTimeout(resolve, 150); });
  assert.equal((await consent(link.redirectUrl)).status, 410);
  assert.equal((await core.connectedAccounts.get(link.id)).status, 'EXPIRED');
});

test('auth configs: create, get, disable, update, delete, and what cannot be managed', async () => {
  const made = await core.authConfigs.create('zendesk', { type: 'use_composio_managed_auth', name: 'desk' });
  assert.equal((await core.authConfigs.get(made.id)).toolkit.slug, 'zendesk');
  await core.authConfigs.disable(made.id);
  assert.equal((await core.authConfigs.get(made.id)).status, 'DISABLED');
  await core.authConfigs.enable(made.id);
  await core.authConfigs.update(made.id, { type: 'default', scopes: 'read' });
  await core.authConfigs.delete(made.id);
  assert.equal((await failure(raw.authConfigs.retrieve(made.id))).status, 404);
  assert.equal((await failure(raw.authConfigs.create({ toolkit: { slug: 'jira' }, auth_config: { type: 'use_composio_managed_auth' } }))).status, 400);
  assert.deepEqual((await raw.authConfigs.list({ toolkit_slug: 'zendesk' })).items, []);
});

test('accounts: list by status, disable, refresh, revoke, delete, the legacy way', async () => {
  const list = await core.connectedAccounts.list({ userIds: ['user_123'], toolkitSlugs: ['gmail', 'slack'] });
  assert.deepEqual(list.items.map((a) => a.toolkit.slug).sort(), ['gmail', 'slack']);
  assert.ok((await core.connectedAccounts.list({ userIds: ['user_expired'], statuses: ['EXPIRED'] })).items.length > 10);
  const { id } = list.items[0];
  await core.connectedAccounts.disable(id);
  assert.equal((await core.connectedAccounts.get(id)).status, 'INACTIVE');
  await core.connectedAccounts.enable(id);
  assert.equal((await core.connectedAccounts.refresh(id)).status, 'INITIATED');
  await core.connectedAccounts.enable(id);
  assert.equal((await raw.connectedAccounts.revoke(id)).connected_account.status, 'REVOKED');
  assert.equal((await failure(raw.connectedAccounts.revoke(id))).status, 409);
  await core.connectedAccounts.delete(id);
  const gone = await failure(raw.connectedAccounts.retrieve(id));
  assert.equal(envelope(gone).code, 606);
  const config = (await raw.authConfigs.list({ toolkit_slug: 'gmail' })).items[0];
  const legacy = await failure(raw.connectedAccounts.create({ auth_config: { id: config.id }, connection: { user_id: 'u' } }));
  assert.equal(envelope(legacy).code, 600);
  const stripe = (await raw.authConfigs.list({ toolkit_slug: 'stripe' })).items[0];
  const keyed = await raw.connectedAccounts.create({
    auth_config: { id: stripe.id }, connection: { user_id: 'u', state: { authScheme: 'API_KEY', val: { status: 'ACTIVE', api_key: 'k' } } },
  });
  assert.equal((await raw.connectedAccounts.retrieve(keyed.id)).status, 'ACTIVE');
});

test('proxy: a relative path, a provider error inside 200, what is refused', async () => {
  const { id } = (await core.connectedAccounts.list({ userIds: ['user_123'], toolkitSlugs: ['github'] })).items[0];
  const reply = await core.tools.proxyExecute({ endpoint: '/user', method: 'GET', connectedAccountId: id });
  assert.equal(reply.status, 200);
  assert.equal(reply.data.url, 'https://api.github.com/user');
  assert.equal((await raw.tools.proxy({ endpoint: '/missing', method: 'GET', connected_account_id: id })).status, 404);
  assert.equal((await raw.tools.proxy({ endpoint: 'https://uploads.github.com/x', method: 'GET', connected_account_id: id })).status, 200);
  const slug = async (promise) => envelope(await failure(promise)).slug;
  assert.equal(await slug(raw.tools.proxy({ endpoint: '/user', method: 'GET' })), 'ExternalProxy_MissingAuthContext');
  assert.equal(await slug(raw.tools.proxy({ endpoint: 'https://evil.example/x', method: 'GET', connected_account_id: id })), 'ExternalProxy_OriginMismatch');
  assert.equal(await slug(raw.tools.proxy({ endpoint: 'http://169.254.169.254/x', method: 'GET', connected_account_id: id })), 'ExternalProxy_SSRFBlocked');
  assert.equal(await slug(raw.tools.proxy({ endpoint: '/user', method: 'GET', connected_account_id: 'ca_nope' })), 'ConnectedAccount_ResourceNotFound');
  assert.match((await failure(client('ak_sandbox_no_proxy').tools.proxy({ endpoint: '/user', method: 'GET', connected_account_id: id }))).message, /Proxy execute is not enabled/);
});

test('every way a call can be refused has its own slug', async () => {
  const run = (body, slug = 'GITHUB_CREATE_AN_ISSUE') => raw.tools.execute(slug, { arguments: { owner: 'o', repo: 'r', title: 't' }, ...body });
  const other = (await core.connectedAccounts.list({ userIds: ['user_123'], toolkitSlugs: ['github'] })).items[0].id;
  const dead = (await core.connectedAccounts.list({ userIds: ['user_expired'], toolkitSlugs: ['github'] })).items[0].id;
  const cases = [
    [run({ user_id: 'user_123' }, 'GITHUB_NO_SUCH_TOOL'), 404, 'Tool_ToolNotFound'],
    [run({ user_id: 'user_new' }), 404, 'ActionExecute_ConnectedAccountNotFound'],
    [run({ user_id: 'user_expired' }), 404, 'ActionExecute_ConnectedAccountNotFound'],
    [run({ user_id: 'user_expired', connected_account_id: dead }), 422, 'ActionExecute_ConnectedAccountNotActive'],
    [run({ user_id: 'user_new', connected_account_id: other }), 400, 'ActionExecute_ConnectedAccountEntityIdMismatch'],
    [run({ user_id: 'user_123', arguments: [] }), 400, 'HTTP_BadRequest'],
    [client('ak_wrong').toolkits.list({}), 401, 'APIKey_InvalidAPIKey'],
    [client('ak_sandbox_expired').toolkits.list({}), 401, 'APIKey_APIKeyExpired'],
    [client('ak_sandbox_scoped').toolkits.list({}), 403, 'APIKey_InsufficientPermissions'],
  ];
  for (const [promise, status, slug] of cases) {
    const error = await failure(promise);
    assert.equal(error.status, status, slug);
    assert.equal(envelope(error).slug, slug);
    assert.match(envelope(error).request_id, /./);
  }
  const bare = async (headers) => (await (await fetch(`${sandbox.composio_url}/api/v3.1/toolkits`, { headers })).json()).error.slug;
  assert.equal(await bare({}), 'Auth_NoAuthProvided');
  assert.equal(await bare({ 'x-api-key': sandbox.composio_api_key, 'x-user-api-key': 'uak_x' }), 'HTTP_Unauthorized');
});

test('a provider that refuses is HTTP 200 with successful:false', async () => {
  const run = (user, slug, args) => raw.tools.execute(slug, { user_id: user, arguments: args, version: 'latest' });
  const issue = { owner: 'o', repo: 'r', title: 't' };
  const cases = [
    ['user_noscope', 'GITHUB_CREATE_AN_ISSUE', issue, 403, /insufficient authentication scopes/],
    ['user_stale', 'GITHUB_CREATE_AN_ISSUE', issue, 401, /Invalid Credentials/],
    ['user_limited', 'GITHUB_CREATE_AN_ISSUE', issue, 429, /Rate Limit/],
    ['user_down', 'GITHUB_CREATE_AN_ISSUE', issue, 500, /Internal Server Error/],
    ['user_123', 'GITHUB_CREATE_AN_ISSUE', { ...issue, repo: 'missing' }, 404, /Not Found/],
    ['user_123', 'GITHUB_CREATE_AN_ISSUE', { ...issue, repo: 'forbidden' }, 403, /organization policy/],
  ];
  for (const [user, slug, args, status, text] of cases) {
    const reply = await run(user, slug, args);
    assert.equal(reply.successful, false);
    assert.equal(reply.data.status_code, status);
    assert.equal(reply.mercury_last_http_status_code, status);
    assert.match(reply.error, text);
  }
  assert.equal((await run('user_noscope', 'GITHUB_GET_A_REPOSITORY', { owner: 'o', repo: 'r' })).successful, true);
  const lacking = await run('user_123', 'GITHUB_CREATE_AN_ISSUE', { owner: 'o' });
  assert.match(lacking.error, /Following fields are missing: \{'repo'\}/);
});

test('scopes a tool needs can be asked for beforehand', async () => {
  const reply = await fetch(`${sandbox.composio_url}/api/v3.1/tools/scopes/required`, {
    method: 'POST', headers: { 'x-api-key': sandbox.composio_api_key, 'content-type': 'application/json' },
    body: JSON.stringify({ tools: ['GITHUB_CREATE_AN_ISSUE', 'GITHUB_GET_A_REPOSITORY'] }),
  });
  const body = await reply.json();
  assert.deepEqual(body.scopes_required, ['repo']);
  assert.equal(body.per_tool_requirements[1].scope_requirements, null);
});

test('sessions: tools, toolkits, search, link, execute, proxy, restrictions, delete', async () => {
  const session = await core.create('user_123');
  assert.equal(new URL(session.mcp.url).origin, sandbox.composio_url);
  assert.ok((await session.toolkits({ isConnected: true })).items.length > 5);
  const found = await session.search({ query: 'send an email message' });
  assert.equal(found.success, true);
  assert.ok(found.results[0].primaryToolSlugs.some((slug) => slug.startsWith('GMAIL_')), JSON.stringify(found.results[0]));
  const done = await session.execute('GITHUB_GET_A_REPOSITORY', { owner: 'o', repo: 'r' });
  assert.equal(done.data.name, 'r');
  assert.equal(done.error, null);
  const proxied = await session.proxyExecute({ toolkit: 'github', endpoint: '/user', method: 'GET' });
  assert.equal(proxied.status, 200);
  const fresh = await core.create('user_new', { toolkits: { enable: ['github'] } });
  const link = await fresh.authorize('github');
  assert.equal((await consent(link.redirectUrl)).status, 200);
  const id = fresh.sessionId;
  const code = async (promise) => envelope(await failure(promise)).slug;
  assert.equal(await code(raw.toolRouter.session.execute(id, { tool_slug: 'NOPE_NOPE' })), 'ToolRouterV2_ToolNotFound');
  assert.equal(await code(raw.toolRouter.session.execute(id, { tool_slug: 'GMAIL_LIST_LABELS' })), 'ToolRouterV2_ToolkitNotAllowed');
  const lonely = await core.create('user_nobody');
  assert.equal(await code(raw.toolRouter.session.execute(lonely.sessionId, { tool_slug: 'GMAIL_LIST_LABELS' })), 'ToolRouterV2_NoActiveConnection');
  assert.equal(await code(raw.toolRouter.session.link(lonely.sessionId, { toolkit: 'hackernews' })), 'ToolRouterV2_ToolkitsIsNoAuth');
  assert.equal(await code(raw.toolRouter.session.create({ user_id: 'u', toolkits: { enable: ['nonesuch'] } })), 'ToolRouterV2_InvalidToolkitSlugs');
  assert.equal((await raw.toolRouter.session.retrieve(id)).session_id, id);
});

test('the raw client repeats a POST on 5xx, core does not', async () => {
  await sandbox.fault({ vendor: 'composio', tool: 'GITHUB_GET_A_REPOSITORY', method: 'POST', count: 0, fault: { status: 500 } });
  const body = { user_id: 'user_123', arguments: { owner: 'o', repo: 'r' }, version: 'latest' };
  await failure(client(sandbox.composio_api_key, { maxRetries: 2 }).tools.execute('GITHUB_GET_A_REPOSITORY', body));
  const posts = async () => (await sandbox.counts()).composio.requests['POST /api/v3.1/tools/execute/GITHUB_GET_A_REPOSITORY'];
  assert.equal(await posts(), 3);
  await failure(core.tools.execute('GITHUB_GET_A_REPOSITORY', { userId: 'user_123', version: 'latest', arguments: { owner: 'o', repo: 'r' }, dangerouslySkipVersionCheck: true }));
  assert.equal(await posts(), 4);
});

test('both kinds of 429: with headers and no envelope, with an envelope and no headers', async () => {
  await sandbox.fault({ vendor: 'composio', fault: { rate_limited: { retry_after: 'seconds', seconds: 2 } } });
  await sandbox.fault({ vendor: 'composio', fault: { rate_limited: {} } });
  const get = () => fetch(`${sandbox.composio_url}/api/v3.1/toolkits`, { headers: { 'x-api-key': sandbox.composio_api_key } });
  const first = await get();
  assert.equal(first.headers.get('retry-after'), '2');
  assert.match((await first.json()).message, /Rate limit exceeded/);
  const second = await get();
  assert.equal(second.headers.get('x-ratelimit'), null);
  assert.equal((await second.json()).error.code, 10429);
});

test('files: an upload is asked for and taken', async () => {
  const asked = await raw.files.createPresignedURL({ toolkit_slug: 'gmail', tool_slug: 'GMAIL_SEND_EMAIL', filename: 'a.txt', mimetype: 'text/plain', md5: '0'.repeat(32) });
  assert.match(asked.key, /./);
  assert.equal((await fetch(asked.new_presigned_url, { method: 'PUT', body: 'hello' })).status, 200);
});
