// Whatever comes in, a stand-in answers: no route crashes, none answers 500, and what is called JSON is JSON.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { pipedreamToken, scalekitToken, startSandbox } from './standin.mjs';

const under = (prefix, names) => names.map((name) => prefix + name);
const routes = (project) => ({
  composio: [
    ...under('/api/v3.1/', [
      '', 'toolkits', 'toolkits/x', 'toolkits/multi', 'toolkits/categories', 'tools', 'tools/ECHO_ECHO', 'tools/enum', 'tools/scopes/required', 'tools/execute',
      'tools/execute/ECHO_ECHO', 'tools/execute/GITHUB_CREATE_AN_ISSUE', 'tools/execute/proxy', 'tools/execute/GITHUB_CREATE_AN_ISSUE/input', 'auth_configs',
      'auth_configs/ac_x', 'auth_configs/ac_x/ENABLED', 'connected_accounts', 'connected_accounts/link', 'connected_accounts/ca_x/refresh', 'tool_router',
      'tool_router/session', 'tool_router/session/trs_x/execute', 'files', 'files/upload/request']),
    '/', '/api', '/api/v3', '/link', '/link/x', '/__upload/x',
  ],
  pipedream: [
    ...under('/v1/', ['oauth/token', 'apps', 'apps/x', 'connect', 'connect/apps', 'connect/app_categories', 'connect/usage', 'connect/projects', 'connect/rate_limits', 'connect/tokens/x/validate', 'connect/tokens']),
    ...under(`/v1/connect/${project}/`, [
      'components', 'actions', 'actions/x', 'actions/run', 'actions/configure', 'actions/props', 'triggers', 'accounts', 'accounts/x', 'apps', 'apps/x/accounts',
      'users', 'users/x', 'tokens', 'proxy', 'proxy/x', 'proxy/L3g', 'projects/info']),
    '/', '/_static/connect.html',
  ],
  scalekit: [
    ...under('/api/v1/', [
      'connections/app', 'providers', 'connected_accounts', 'connected_accounts:search', 'connected_accounts/auth', 'connected_accounts/details', 'connected_accounts:delete',
      'connected_accounts/magic_link', 'connected_accounts/user/verify', 'connected_accounts/x:disconnect', 'tools', 'tools/scoped', 'tools/available', 'execute_tool']),
    ...under('/scalekit.v1.', [
      'tools.ToolService/ListTools', 'tools.ToolService/ListScopedTools', 'tools.ToolService/ExecuteTool', 'connections.ConnectionService/ListAppConnections',
      'connected_accounts.ConnectedAccountService/DisconnectConnectedAccount', 'connected_accounts.ConnectedAccountService/VerifyConnectedAccountUser']),
    '/oauth/token', '/proxy', '/proxy/x', '/magicLink/x', '/connect/x', '/keys',
  ],
  github: ['/search/issues', ...under('/repos/a/b/issues', ['', '/0', '/1', '/1/comments'])],
  infisical: ['/api', '/api/v1/auth/universal-auth/login', '/api/v3/secrets/raw'],
  worker: ['/', ...under('/__sandbox/', ['faults', 'accounts', 'requests', 'switches', 'counts'])],
});

// Every member the stand-ins read, with a type they do not expect.
const wrongTypes = {
  user_id: 1, arguments: [], tool_name: {}, id: [], params: 'x', identifier: 'user_123', connector: [1], filter: 1, toolkit: 1, auth_config: 'x', connection: [], tools: {}, queries: {},
  endpoint: 5, method: [], external_user_id: {}, configured_props: 3, prop_name: [], title: 1, labels: 3, clientId: {}, fault: { headers: { a: 1 }, rate_limited: 3, huge_header: -1, gzip_bomb: 'x', status: 'x', reset: 3 },
};
// Known names around wrong values.
const halfRight = {
  user_id: 'user_123', arguments: { owner: null, repo: 1, title: [] }, tool_name: 'gmail_send_message', identifier: 'user_123', connector: 'gmail', params: { to: null },
  filter: { tool_name: [1, null], connection_names: [{}], query: 7 }, id: 'slack-send-message', external_user_id: 'user_123', configured_props: { slack: [] }, toolkit: { slug: [] },
  queries: [1, null, { use_case: 3 }], tools: [1, null, 'ECHO_ECHO'], tool_slug: 'ECHO_ECHO', title: 't', labels: [1, {}], body: 3,
  experimental: { custom_tools: [1, { slug: 3 }], custom_toolkits: [{ tools: 3 }] }, toolkits: [3],
};
const bodies = ['null', '[]', '"x"', '{}', '{"a":', JSON.stringify(wrongTypes), JSON.stringify(halfRight)];
const queries = [
  '', '?limit=-1&cursor=%%%&page_size=x', '?limit=999999999999&cursor=bzk5OTk5OTk5OTk5OTk5OTk5&after=!!!&page_token=bzk5OTk5OTk5OTk5OTk5OTk5&page_size=99999',
  '?search=%00&q=%ff&app=%&external_user_id=&user_ids=,,,&filter.tool_name=&identifier=user_123&filter.connection_names=,', `?user_ids=a&user_ids=b&token=x&account_id=%2F&connector=${'x'.repeat(500)}`,
];

test('odd requests on every route', async () => {
  const sandbox = await startSandbox();
  const headers = {
    composio: { 'x-api-key': sandbox.composio_api_key }, github: { authorization: `Bearer ${sandbox.github_token}` },
    pipedream: { authorization: `Bearer ${await pipedreamToken(sandbox)}`, 'x-pd-environment': 'development' },
    scalekit: { authorization: `Bearer ${await scalekitToken(sandbox)}`, connection_name: 'gmail', identifier: 'user_123' },
  };
  const send = async (vendor, path, method, body) => {
    const where = `${vendor} ${method} ${path} ${body ?? ''}`;
    const reply = await fetch(sandbox[`${vendor}_url`] + path, { method, headers: headers[vendor], body, redirect: 'manual' });
    const text = await reply.text();
    assert.notEqual(reply.status, 500, where);
    if (reply.headers.get('content-type')?.includes('json')) assert.doesNotThrow(() => JSON.parse(text), where);
  };
  for (const [vendor, paths] of Object.entries(routes(sandbox.pipedream_project_id))) {
    for (const path of paths) {
      await Promise.all([
        ...queries.map((query) => send(vendor, path + query, 'GET')),
        ...['POST', 'PUT', 'PATCH', 'DELETE'].flatMap((method) => bodies.map((body) => send(vendor, path, method, body))),
        ...queries.map((query) => send(vendor, path + query, 'POST', bodies.at(-1))),
      ]);
      await sandbox.clearFaults();
    }
  }
  assert.deepEqual(await sandbox.stop(), { code: 0, signal: null });
});
