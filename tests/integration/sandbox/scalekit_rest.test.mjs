// Scalekit's REST door: every answer checked against its OpenAPI document, every error row of the contract shown.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { consent, scalekitToken, sharedDir, startSandbox } from './standin.mjs';

const documentPath = path.join(sharedDir, 'data/vendor-specs/scalekit-agentkit-openapi.json');
const schemas = existsSync(documentPath) ? JSON.parse(readFileSync(documentPath)) : null;
const skip = schemas ? false : `skipped: no ${documentPath} (set SY_SHARED_DIR)`;

let ajv;
if (schemas) {
  ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  for (const format of ['int64', 'int32', 'uint32', 'date-time-or-null']) ajv.addFormat(format, true);
  ajv.addSchema(schemas, 'spec');
}

let sandbox;
let token;
before(async () => { sandbox = await startSandbox(); });
after(async () => assert.deepEqual(await sandbox.stop(), { code: 0, signal: null }));
beforeEach(async () => { await sandbox.reset(); token = await scalekitToken(sandbox); });

const pointer = (text) => text.replaceAll('~', '~0').replaceAll('/', '~1');
// Sends one request and holds its answer against the document's schema for that path, method and status.
async function call(method, target, body, { documented = true } = {}) {
  const reply = await fetch(sandbox.scalekit_url + target, {
    method, headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) }, body: body && JSON.stringify(body),
  });
  const json = await reply.json();
  const at = target.split('?')[0];
  const operation = schemas?.paths[at]?.[method.toLowerCase()];
  if (documented && schemas) assert.ok(operation, `${method} ${at} is in the document`);
  const content = operation?.responses[reply.status]?.content?.['application/json'];
  if (content) {
    const where = `#/paths/${pointer(at)}/${method.toLowerCase()}/responses/${reply.status}/content/application~1json/schema`;
    const validate = ajv.getSchema(`spec${where}`) ?? ajv.compile({ $ref: `spec${where}` });
    assert.ok(validate(json), `${method} ${target}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(json)}`);
  }
  return { status: reply.status, json, checked: Boolean(content), error: json.details?.[0] };
}

test('every documented operation answers as the document says', { skip }, async () => {
  const account = { connected_account: { authorization_details: { oauth_token: {} } } };
  const who = { connector: 'gmail', identifier: 'user_new' };
  const results = [
    await call('POST', '/api/v1/connected_accounts', { ...who, ...account }),
    await call('GET', '/api/v1/connected_accounts?connector=gmail&page_size=99'),
    await call('GET', '/api/v1/connected_accounts:search?query=user_&page_size=30'),
    await call('GET', '/api/v1/connected_accounts/auth?connector=gmail&identifier=user_123'),
    await call('GET', '/api/v1/connected_accounts/details?connector=gmail&identifier=user_123'),
    await call('PUT', '/api/v1/connected_accounts', { ...who, connected_account: { authorization_details: { static_auth: { details: { username: 'k' } } } } }),
    await call('POST', '/api/v1/connected_accounts/magic_link', { ...who, state: 's' }),
    await call('POST', '/api/v1/connected_accounts:delete', who),
    await call('GET', '/api/v1/tools?filter.connector=gmail&page_size=100'),
    await call('GET', '/api/v1/tools?filter.summary=true&filter.tool_name=gmail_fetch_mails'),
    await call('GET', '/api/v1/tools/scoped?identifier=user_123&filter.connection_names=gmail&page_size=100'),
    await call('GET', '/api/v1/tools/available?identifier=user_123&page_size=100'),
    await call('POST', '/api/v1/execute_tool', { tool_name: 'gmail_fetch_mails', identifier: 'user_123', connector: 'gmail', params: { query: 'is:unread' } }),
  ];
  for (const one of results) {
    assert.ok([200, 201].includes(one.status), JSON.stringify(one.json));
    assert.ok(one.checked);
  }
});

test('the envelope of every refusal', async () => {
  const execute = (more) => call('POST', '/api/v1/execute_tool', { tool_name: 'gmail_send_message', connector: 'gmail', params: { to: 'a@b.example' }, ...more });
  const rows = [
    ['tool unknown', await execute({ identifier: 'user_123', tool_name: 'gmail_nope' }), 400, 3, 'RESOURCE_NOT_FOUND', /failed to get tool/],
    ['connection unknown', await execute({ identifier: 'user_123', connector: 'nope' }), 404, 5, 'RESOURCE_NOT_FOUND', /connection not found/],
    ['connection not set up', await execute({ identifier: 'user_123', connector: 'zendesk' }), 404, 5, 'RESOURCE_NOT_FOUND', /connection not found/],
    ['no account', await execute({ identifier: 'user_new' }), 404, 5, 'RESOURCE_NOT_FOUND', /connected account not found/],
    ['pending', await execute({ identifier: 'user_pending' }), 400, 9, 'CONNECTED_ACCOUNT_NOT_ACTIVE', /not active: PENDING_AUTH/],
    ['unverified', await execute({ identifier: 'user_verify' }), 400, 9, 'CONNECTED_ACCOUNT_NOT_ACTIVE', /PENDING_VERIFICATION/],
    ['revoked', await execute({ identifier: 'user_revoked' }), 400, 9, 'CONNECTED_ACCOUNT_NOT_ACTIVE', /DISCONNECTED/],
    ['expired', await execute({ identifier: 'user_expired' }), 401, 16, 'TOOL_ERROR', /./],
    ['scopes', await execute({ identifier: 'user_noscope' }), 403, 7, 'TOOL_ERROR', /./],
    ['provider limit', await execute({ identifier: 'user_limited' }), 429, 8, 'TOOL_ERROR', /./],
    ['provider down', await execute({ identifier: 'user_down' }), 500, 13, 'TOOL_ERROR', /./],
    ['bad params', await execute({ identifier: 'user_123', params: {} }), 400, 3, 'VALIDATION_ERROR', /Validation error/],
  ];
  for (const [name, got, status, code, errorCode, message] of rows) {
    assert.deepEqual([got.status, got.json.code, got.error.error_code], [status, code, errorCode], name);
    assert.match(got.json.message, message, name);
    assert.equal(got.error['@type'], 'type.googleapis.com/scalekit.v1.errdetails.ErrorInfo');
    assert.equal(Boolean(got.error.tool_error_info?.execution_id), errorCode === 'TOOL_ERROR', name);
  }
  assert.equal(rows.at(-1)[1].error.validation_error_info.field_violations[0].field, 'to');
});

test('the two rows nobody has seen can be switched to other statuses', async () => {
  const status = async (identifier, tool_name) => (await call('POST', '/api/v1/execute_tool', { tool_name, connector: 'gmail', identifier, params: { to: 'a@b.example' } })).status;
  await sandbox.switches({ scalekit_tool_missing: 404, scalekit_not_active: 401 });
  assert.deepEqual([await status('user_123', 'gmail_nope'), await status('user_pending', 'gmail_send_message')], [404, 401]);
  await sandbox.switches({ scalekit_not_active: 404 });
  assert.deepEqual([await status('user_123', 'gmail_nope'), await status('user_pending', 'gmail_send_message')], [400, 404]);
  await assert.rejects(sandbox.switches({ scalekit_not_active: 500 }));
});

test('our own token: empty, invalid, refused client', async () => {
  token = '';
  const none = await fetch(`${sandbox.scalekit_url}/api/v1/tools`);
  assert.deepEqual(await none.json(), { code: 16, message: 'Token empty', details: [{ '@type': 'type.googleapis.com/scalekit.v1.errdetails.ErrorInfo', error_code: 'UNAUTHENTICATED' }] });
  token = 'a.b.c';
  assert.equal((await call('GET', '/api/v1/tools')).status, 401);
  const mint = await fetch(`${sandbox.scalekit_url}/oauth/token`, {
    method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'grant_type=client_credentials&client_id=x&client_secret=y',
  });
  assert.equal(mint.status, 401);
  assert.equal((await mint.json()).error, 'invalid_client');
});

test('limits of the messages hold', async () => {
  const status = async (target) => (await call('GET', target, undefined, { documented: false })).status;
  assert.equal(await status('/api/v1/connected_accounts?page_size=100'), 400);
  assert.equal(await status('/api/v1/connected_accounts?connector=gmail&connection_names=slack'), 400);
  assert.equal(await status('/api/v1/connected_accounts:search?query=ab'), 400);
  assert.equal(await status('/api/v1/connections/app?page_size=31'), 400);
  assert.equal(await status('/api/v1/tools/scoped?identifier=user_123'), 400);
  assert.equal(await status(`/api/v1/connected_accounts/details?connector=gmail&identifier=${'x'.repeat(101)}`), 400);
  assert.equal(await status('/api/v1/connected_accounts/details?connector=g%2Fmail&identifier=u'), 400);
  assert.equal(await status('/api/v1/nowhere'), 404);
  const twice = { connector: 'gmail', identifier: 'user_123', connected_account: { authorization_details: { oauth_token: {} } } };
  assert.equal((await call('POST', '/api/v1/connected_accounts', twice)).status, 409);
  assert.equal((await call('POST', '/api/v1/connected_accounts', { ...twice, identifier: 'u', connected_account: {} })).status, 400);
});

test('operations the document leaves out: connections, providers, disconnect, proxy', async () => {
  const undocumented = { documented: false };
  const connections = (await call('GET', '/api/v1/connections/app?provider=GMAIL&page_size=30', undefined, undocumented)).json;
  assert.equal(connections.connections[0].key_id, 'gmail');
  assert.equal(connections.connections[0].status, 'COMPLETED');
  assert.equal((await call('GET', '/api/v1/connections/app?provider=ZENDESK', undefined, undocumented)).json.total_size, 0);
  assert.ok((await call('GET', '/api/v1/providers?page_size=100', undefined, undocumented)).json.providers.some((one) => one.identifier === 'ZENDESK'));
  const { id } = (await call('GET', '/api/v1/connected_accounts/details?connector=gmail&identifier=user_123')).json.connected_account;
  assert.equal((await call('POST', `/api/v1/connected_accounts/${id}:disconnect`, {}, undocumented)).json.connected_account.status, 'DISCONNECTED');
  const proxied = await fetch(`${sandbox.scalekit_url}/proxy/v1/x?b=2`, { headers: { authorization: `Bearer ${token}`, connection_name: 'slack', identifier: 'user_123' } });
  assert.equal((await proxied.json()).url, 'https://slack.com/api/v1/x?b=2');
});

test('the magic link page and verification over REST', async () => {
  const who = { connector: 'notion', identifier: 'user_new' };
  const link = (await call('POST', '/api/v1/connected_accounts/magic_link', { ...who, user_verify_url: 'https://app.example/v' })).json;
  assert.ok(Date.parse(link.expiry) > Date.now());
  const id = new URL((await consent(link.link)).location).searchParams.get('auth_request_id');
  assert.equal((await call('POST', '/api/v1/connected_accounts/user/verify', { auth_request_id: id, identifier: 'user_new' })).status, 200);
  assert.equal((await call('GET', '/api/v1/connected_accounts/details?connector=notion&identifier=user_new')).json.connected_account.status, 'ACTIVE');
  assert.equal((await call('POST', '/api/v1/connected_accounts/magic_link', { ...who, user_verify_url: 'ftp://x' })).status, 400);
});
