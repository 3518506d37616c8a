// The answers of the Composio and Pipedream stand-ins, held against the vendors' OpenAPI documents.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { pipedreamToken, sharedDir, startSandbox } from './standin.mjs';

const folder = path.join(sharedDir, 'data/vendor-specs');
const skip = existsSync(folder) ? false : `skipped: no ${folder} (set SY_SHARED_DIR)`;

let sandbox;
before(async () => { sandbox = await startSandbox(); });
after(async () => assert.deepEqual(await sandbox.stop(), { code: 0, signal: null }));

// OpenAPI 3.0's nullable is JSON Schema's null type; with $ref or enum beside it ajv needs telling.
function nullable(node) {
  if (Array.isArray(node)) return node.map(nullable);
  if (node === null || typeof node !== 'object') return node;
  const { nullable: mayBeNull, ...rest } = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, nullable(value)]));
  return mayBeNull === true ? { anyOf: [rest, { type: 'null' }] } : rest;
}

function checker(file) {
  const document = nullable(JSON.parse(readFileSync(path.join(folder, file))));
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true });
  addFormats(ajv);
  ajv.addSchema(document, 'spec');
  const paths = Object.keys(document.paths).sort((a, b) => a.split('{').length - b.split('{').length);
  return (method, target, status, json) => {
    const plain = target.split('?')[0];
    const template = paths.find((one) => document.paths[one][method.toLowerCase()] && new RegExp(`^${one.replace(/\{[^}]+\}/g, '[^/]+')}$`).test(plain));
    assert.ok(template, `${method} ${plain} is in ${file}`);
    let response = document.paths[template][method.toLowerCase()].responses[status];
    assert.ok(response, `${method} ${template} documents ${status}`);
    if (response.$ref) response = response.$ref.slice(2).split('/').reduce((at, key) => at[key], document);
    const schema = response.content?.['application/json']?.schema;
    if (!schema) return false;
    const rebase = (node) => (Array.isArray(node) ? node.map(rebase) : node && typeof node === 'object'
      ? Object.fromEntries(Object.entries(node).map(([key, value]) => [key, key === '$ref' && typeof value === 'string' ? `spec${value}` : rebase(value)])) : node);
    const validate = ajv.compile(rebase(schema));
    assert.ok(validate(json), `${method} ${target} ${status}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(json).slice(0, 1500)}`);
    return true;
  };
}

test('composio: lists, single ones, execution, connecting, refusals', { skip }, async () => {
  const check = checker('composio-openapi-v3.1-derived-from-client-2.0.0-rc.6.json');
  const call = async (method, target, body) => {
    const reply = await fetch(`${sandbox.composio_url}/api/v3.1/${target}`, {
      method, headers: { 'x-api-key': sandbox.composio_api_key, ...(body && { 'content-type': 'application/json' }) }, body: body && JSON.stringify(body),
    });
    const json = await reply.json();
    assert.ok(check(method, `/api/v3.1/${target}`, reply.status, json), `${method} ${target} has a schema`);
    return json;
  };
  await call('GET', 'toolkits');
  await call('GET', 'toolkits/github');
  await call('GET', 'toolkits/nonesuch');
  await call('GET', 'toolkits/categories');
  await call('POST', 'toolkits/multi', { toolkits: ['github'] });
  await call('GET', 'tools?toolkit_slug=github&limit=50');
  await call('GET', 'tools/GITHUB_CREATE_AN_ISSUE');
  await call('GET', 'tools/NOPE_NOPE');
  await call('POST', 'tools/scopes/required', { tools: ['GITHUB_CREATE_AN_ISSUE'] });
  const run = (user, args) => call('POST', 'tools/execute/GITHUB_CREATE_AN_ISSUE', { user_id: user, arguments: args });
  const issue = { owner: 'o', repo: 'r', title: 't' };
  for (const user of ['user_123', 'user_noscope', 'user_new']) await run(user, issue);
  await run('user_123', {});
  await call('POST', 'tools/execute/GITHUB_GET_A_REPOSITORY/input', { text: 'a/b' });
  const config = (await call('GET', 'auth_configs?toolkit_slug=github')).items[0].id;
  await call('GET', `auth_configs/${config}`);
  await call('POST', 'auth_configs', { toolkit: { slug: 'slack' }, auth_config: { type: 'use_composio_managed_auth' } });
  const link = await call('POST', 'connected_accounts/link', { auth_config_id: config, user_id: 'u', callback_url: 'https://app.example/cb' });
  for (const user of ['u', 'user_123', 'user_expired', 'user_revoked', 'user_error', 'user_verify', 'user_pending'])
    await call('GET', `connected_accounts?user_ids=${user}&limit=50`);
  const { id } = (await call('GET', 'connected_accounts?user_ids=user_123&toolkit_slugs=github')).items[0];
  await call('GET', `connected_accounts/${id}`);
  await call('GET', `connected_accounts/${link.connected_account_id}`);
  await call('POST', 'tools/execute/proxy', { endpoint: '/user', method: 'GET', connected_account_id: id });
  await call('POST', `connected_accounts/${id}/refresh`, {});
  await call('POST', `connected_accounts/${id}/revoke`);
  await call('PATCH', `connected_accounts/${id}/status`, { enabled: true });
  await call('DELETE', `connected_accounts/${id}`);
  const session = await call('POST', 'tool_router/session', { user_id: 'user_123', manage_connections: { enable: true } });
  const at = `tool_router/session/${session.session_id}`;
  await call('GET', at);
  await call('GET', `${at}/toolkits`);
  await call('GET', `${at}/tools`);
  await call('POST', `${at}/search`, { queries: [{ use_case: 'send an email' }] });
  await call('POST', `${at}/execute`, { tool_slug: 'GMAIL_LIST_LABELS', arguments: {} });
  await call('POST', `${at}/link`, { toolkit: 'github' });
  await call('DELETE', at);
  await call('POST', 'files/upload/request', { toolkit_slug: 'gmail', tool_slug: 'X', filename: 'a', mimetype: 'text/plain', md5: 'd' });
});

test('pipedream: lists, single ones, runs, connecting', { skip }, async () => {
  const check = checker('pipedream-openapi.json');
  const token = await pipedreamToken(sandbox);
  const call = async (method, target, body) => {
    const reply = await fetch(`${sandbox.pipedream_url}${target}`, {
      method, headers: { authorization: `Bearer ${token}`, 'x-pd-environment': 'development', ...(body && { 'content-type': 'application/json' }) }, body: body && JSON.stringify(body),
    });
    if (reply.status === 204) return null;
    const json = await reply.json();
    assert.ok(check(method, target, reply.status, json), `${method} ${target} has a schema`);
    return json;
  };
  const project = `/v1/connect/${sandbox.pipedream_project_id}`;
  await call('POST', '/v1/oauth/token', { grant_type: 'client_credentials', client_id: sandbox.pipedream_client_id, client_secret: sandbox.pipedream_client_secret });
  await call('GET', '/v1/connect/apps?limit=50');
  await call('GET', '/v1/connect/apps/slack');
  const categories = await call('GET', '/v1/connect/app_categories');
  await call('GET', `/v1/connect/app_categories/${categories[0].id}`);
  for (const kind of ['components', 'actions', 'triggers']) await call('GET', `${project}/${kind}?limit=100`);
  await call('GET', `${project}/actions/slack-send-message`);
  for (const user of ['user_123', 'user_expired', 'user_error', 'user_new']) await call('GET', `${project}/accounts?external_user_id=${user}&limit=50`);
  const { id } = (await call('GET', `${project}/accounts?external_user_id=user_123&app=slack`)).data[0];
  await call('GET', `${project}/accounts/${id}`);
  const props = { slack: { authProvisionId: id } };
  await call('POST', `${project}/actions/configure`, { id: 'slack-send-message', external_user_id: 'user_123', prop_name: 'conversation', configured_props: props });
  await call('POST', `${project}/actions/props`, { id: 'slack-send-message', external_user_id: 'user_123', configured_props: props });
  await call('POST', `${project}/actions/run`, { id: 'slack-send-message', external_user_id: 'user_123', configured_props: { ...props, conversation: 'C1', text: 'hi' } });
  await call('POST', `${project}/actions/run`, { id: 'slack-send-message', external_user_id: 'user_123', configured_props: props });
  await call('GET', `${project}/users`);
  await call('GET', `${project}/projects/info`);
  await call('GET', '/v1/connect/projects');
  await call('GET', `/v1/connect/projects/${sandbox.pipedream_project_id}`);
  await call('GET', '/v1/connect/usage?start_ts=1&end_ts=2');
  const made = await call('POST', `${project}/tokens`, { external_user_id: 'user_new' });
  await call('GET', `/v1/connect/tokens/${made.token}/validate?app_id=slack`);
});
