// @scalekit-sdk/node, unmodified but for its transport: the one factory that would open gRPC over HTTP/2 gives it the
// Connect protocol's JSON over HTTP/1.1 instead, so that a plain HTTP server can be driven by the official code.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import Module from 'node:module';
import { consent, startSandbox } from './standin.mjs';

const require = createRequire(import.meta.url);
const plainRequire = Module.prototype.require;
Module.prototype.require = function patched(id) {
  const found = plainRequire.call(this, id);
  return id === '@connectrpc/connect-node'
    ? { ...found, createGrpcTransport: (options) => found.createConnectTransport({ ...options, httpVersion: '1.1', useBinaryFormat: false }) }
    : found;
};
const { ScalekitClient } = require('@scalekit-sdk/node');
Module.prototype.require = plainRequire;

const ACTIVE = 1;
const EXPIRED = 2;
const PENDING_AUTH = 3;
const PENDING_VERIFICATION = 4;

let sandbox;
let client;
before(async () => { sandbox = await startSandbox(); });
after(async () => assert.deepEqual(await sandbox.stop(), { code: 0, signal: null }));
beforeEach(async () => {
  await sandbox.reset();
  client = new ScalekitClient(sandbox.scalekit_url, sandbox.scalekit_client_id, sandbox.scalekit_client_secret);
});

const failure = async (promise) => {
  try { await promise; } catch (error) { return error; }
  throw new assert.AssertionError({ message: 'it should have failed' });
};
const run = (identifier, connector = 'gmail', toolName = 'gmail_send_message', params = { to: 'a@b.example' }) =>
  client.tools.executeTool({ toolName, identifier, connector, params });

test('the first call is refused, mints, and goes out again', async () => {
  await client.tools.listTools({ filter: { connector: 'gmail' }, pageSize: 5 });
  const counts = (await sandbox.counts()).scalekit;
  assert.equal(counts.tokens_minted, 1);
  assert.equal(counts.requests['POST /scalekit.v1.tools.ToolService/ListTools'], 2);
});

test('connections: list, by provider, by name', async () => {
  const all = await client.actions.listConnections({ pageSize: 30 });
  assert.ok(all.connections.length >= 10);
  const github = await client.actions.listConnections({ pageSize: 30, provider: 'GITHUB' });
  assert.deepEqual(github.connections.map((one) => one.connectionName).sort(), ['github', 'github-qkHFhMip']);
});

test('tools: pages, search, summary, scoped, available', async () => {
  const first = await client.tools.listTools({ pageSize: 10 });
  assert.equal(first.tools.length, 10);
  const second = await client.tools.listTools({ pageSize: 10, pageToken: first.nextPageToken });
  assert.notEqual(first.tools[0].definition.name, second.tools[0].definition.name);
  const names = await client.tools.listTools({ filter: { summary: true, toolName: ['gmail_fetch_mails'] } });
  assert.deepEqual(names.toolNames, ['gmail_fetch_mails']);
  assert.ok((await client.tools.listTools({ filter: { query: 'mail' } })).tools.length > 2);
  const scoped = await client.tools.listScopedTools('user_123', { filter: { connectionNames: ['gmail'] }, pageSize: 100 });
  assert.ok(scoped.tools.every((one) => one.tool.provider === 'GMAIL' && one.identifier === 'user_123'));
  assert.ok((await client.tools.listScopedTools('user_123', { pageSize: 100 })).tools.length > scoped.tools.length);
  assert.equal((await client.tools.listAvailableTools('user_123', { pageSize: 5 })).tools.length, 5);
  assert.equal((await client.tools.listAvailableTools('user_new', { pageSize: 5 })).tools.length, 0);
  assert.equal((await failure(client.tools.listScopedTools('user_123', { filter: { connectionNames: ['nonesuch'] }, pageSize: 5 }))).constructor.name, 'ScalekitNotFoundException');
});

test('accounts: get or create, list, link, verify, delete', async () => {
  const made = await client.actions.getOrCreateConnectedAccount({ connectionName: 'gmail', identifier: 'user_new' });
  assert.equal(made.connectedAccount.status, PENDING_AUTH);
  const again = await client.actions.getOrCreateConnectedAccount({ connectionName: 'gmail', identifier: 'user_new' });
  assert.equal(again.connectedAccount.id, made.connectedAccount.id);
  const link = await client.actions.getAuthorizationLink({ connectionName: 'gmail', identifier: 'user_new', state: 'st', userVerifyUrl: 'https://app.example/verify?a=1' });
  const back = new URL((await consent(link.link)).location);
  assert.equal(back.searchParams.get('state'), 'st');
  assert.equal(back.searchParams.get('a'), '1');
  const status = async () => (await client.actions.getConnectedAccount({ connectionName: 'gmail', identifier: 'user_new' })).connectedAccount.status;
  assert.equal(await status(), PENDING_VERIFICATION);
  const authRequestId = back.searchParams.get('auth_request_id');
  assert.equal((await failure(client.actions.verifyConnectedAccountUser({ authRequestId, identifier: 'somebody' }))).constructor.name, 'ScalekitForbiddenException');
  assert.equal((await failure(client.actions.verifyConnectedAccountUser({ authRequestId: 'req_nope', identifier: 'user_new' }))).constructor.name, 'ScalekitNotFoundException');
  const done = await client.actions.verifyConnectedAccountUser({ authRequestId, identifier: 'user_new' });
  assert.match(done.postUserVerifyRedirectUrl, /\/connect\/success$/);
  await client.actions.verifyConnectedAccountUser({ authRequestId, identifier: 'user_new' });
  assert.equal(await status(), ACTIVE);
  const list = await client.actions.listConnectedAccounts({ connectionName: 'gmail', identifier: 'user_new' });
  assert.equal(list.connectedAccounts.length, 1);
  await client.actions.deleteConnectedAccount({ connectionName: 'gmail', identifier: 'user_new' });
  assert.equal((await failure(client.actions.deleteConnectedAccount({ connectionName: 'gmail', identifier: 'user_new' }))).constructor.name, 'ScalekitNotFoundException');
});

test('a link without a verify URL leads to ACTIVE, a denial leaves PENDING_AUTH', async () => {
  const link = async () => (await client.actions.getAuthorizationLink({ connectionName: 'slack', identifier: 'user_new' })).link;
  assert.match((await consent(await link(), 'deny')).location, /error=access_denied/);
  const status = async () => (await client.actions.getConnectedAccount({ connectionName: 'slack', identifier: 'user_new' })).connectedAccount.status;
  assert.equal(await status(), PENDING_AUTH);
  await consent(await link());
  assert.equal(await status(), ACTIVE);
  assert.equal((await client.actions.getConnectedAccount({ connectionName: 'slack', identifier: 'user_expired' })).connectedAccount.status, EXPIRED);
});

test('execute: a result, and an exception for every kind of refusal', async () => {
  const done = await run('user_123');
  assert.equal(done.data.to, 'a@b.example');
  assert.match(done.executionId, /^\d+$/);
  const cases = [
    [run('user_123', 'gmail', 'gmail_no_such_tool'), 'ScalekitBadRequestException'],
    [run('user_123', 'nonesuch'), 'ScalekitNotFoundException'],
    [run('user_new'), 'ScalekitNotFoundException'],
    [run('user_pending'), 'ScalekitBadRequestException'],
    [run('user_123', 'gmail', 'gmail_send_message', {}), 'ScalekitBadRequestException'],
    [run('user_expired'), 'ScalekitToolUnauthorizedException'],
    [run('user_stale'), 'ScalekitToolUnauthorizedException'],
    [run('user_noscope'), 'ScalekitToolForbiddenException'],
    [run('user_limited'), 'ScalekitToolRateLimitException'],
    [run('user_down'), 'ScalekitToolException'],
  ];
  for (const [promise, name] of cases) assert.equal((await failure(promise)).constructor.name, name);
  const tool = await failure(run('user_noscope'));
  assert.equal(tool.toolErrorCode, 'FORBIDDEN');
  assert.match(tool.toolErrorMessage, /insufficient authentication scopes/);
  assert.match(tool.executionId, /^\d+$/);
});

test("Scalekit's own limit is another exception than the provider's", async () => {
  await sandbox.fault({ vendor: 'scalekit', tool: 'gmail_*', fault: { rate_limited: {} } });
  await client.tools.listTools({ pageSize: 1 });
  assert.equal((await failure(run('user_123'))).constructor.name, 'ScalekitTooManyRequestsException');
});

test('proxy: path, query, headers, body; what is refused', async () => {
  await client.tools.listTools({ pageSize: 1 });
  const reply = await client.actions.request({ connectionName: 'gmail', identifier: 'user_123', path: '/v1/users/me/messages', method: 'GET', queryParams: { q: 'is:unread' } });
  assert.equal(reply.data.url, 'https://gmail.googleapis.com/v1/users/me/messages?q=is:unread');
  const posted = await client.actions.request({ connectionName: 'gmail', identifier: 'user_123', path: '/x', method: 'POST', body: { a: 1 } });
  assert.deepEqual(posted.data.body, { a: 1 });
  assert.equal((await failure(client.actions.request({ connectionName: 'gmail', identifier: 'user_123', path: '/missing', method: 'GET' }))).constructor.name, 'ScalekitNotFoundException');
  assert.equal((await failure(client.actions.request({ connectionName: 'gmail', identifier: 'user_new', path: '/x', method: 'GET' }))).constructor.name, 'ScalekitNotFoundException');
});

test('bad credentials never get a token', async () => {
  const stranger = new ScalekitClient(sandbox.scalekit_url, 'skc_nobody', 'wrong');
  const error = await failure(stranger.tools.listTools({ pageSize: 1 }));
  assert.equal(error.response?.status ?? error.httpStatus, 401);
});
