// No credential leaves the process but to its vendor: not by logs, errors, ledger, metrics, the
// commands' output or the store's bytes, in no encoding a log or a dump would use.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { configured, run } from './gateway.mjs';

let setup;
let gateway;
const heard = []; // {where, bytes}

// One credential by each kind of reference.
before(async () => {
  setup = await configured({
    change: (text) => `${text.replace('client_secret: env:T_SCALEKIT_SECRET', 'client_secret: file:SCALEKIT_FILE').replace('client_secret: env:T_PIPEDREAM_SECRET', 'client_secret: infisical:pipedream/client_secret')
      .replace('secrets:\n', 'secrets:\n  infisical: {url: INFISICAL, client_id: env:T_INFISICAL_ID, client_secret: env:T_INFISICAL_SECRET, project: p, environment: prod}\n')}log: {level: debug, format: json}\n`,
    env: {},
    prepare: ({ dir, file, sandbox, env }) => {
      writeFileSync(path.join(dir, 'scalekit.secret'), `${sandbox.scalekit_client_secret}\n`);
      writeFileSync(file, readFileSync(file, 'utf8').replace('INFISICAL', sandbox.infisical_url).replace('SCALEKIT_FILE', path.join(dir, 'scalekit.secret')));
      env.T_INFISICAL_ID = sandbox.infisical_client_id;
      env.T_INFISICAL_SECRET = sandbox.infisical_client_secret;
    },
  });
  gateway = await setup.serve();
});
after(async () => { await setup.stop(); });

const keep = (where, reply) => {
  heard.push({ where, bytes: Buffer.concat([Buffer.from(JSON.stringify(reply.headers)), reply.body]) });
  return reply;
};

// The forms in which a value would be found in a dump: as it is, base64 at its three offsets, hex, percent.
function forms(secret) {
  const bytes = Buffer.from(secret);
  const out = [secret, encodeURIComponent(secret), bytes.toString('hex'), bytes.toString('hex').toUpperCase(), [...bytes].map((b) => `%${b.toString(16).padStart(2, '0')}`).join('')];
  for (const shift of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(shift, 0x20), bytes]).toString('base64').replace(/=+$/, '');
    const safe = text.slice(shift === 0 ? 0 : shift + 1, -1);
    out.push(safe, safe.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return [...new Set(out)].filter((form) => form.length >= 8).map((form) => Buffer.from(form));
}

test('calls, refusals and faults of every kind go by', async () => {
  for (const one of (await gateway.get('/v1/vendors')).json.items.filter((vendor) => vendor.vendor !== 'session')) assert.equal(one.unavailable, false, JSON.stringify(one));
  const calls = ['composio', 'scalekit', 'pipedream'].flatMap((vendor) => ['user_123', 'user_stale', 'user_new', 'user_down', 'user_noscope'].map((user_id) => ({ tool: 'echo_write', vendor, user_id, arguments: { v: 1 } })));
  calls.push({ tool: 'billing_get_invoice', arguments: { invoice_id: 'inv_1001' } }, { tool: 'nobody_has_this' }, { tool: 'gmail_nothing_like_it' }, { tool: 'zendesk_create_zendesk_ticket' });
  for (const body of calls) keep('reply', await gateway.execute({ ...body, explain: true }));
  keep('reply', await gateway.execute(calls[0], { headers: { 'idempotency-key': 'secret-test' } }));
  assert.ok(heard.filter((one) => one.bytes.includes('"successful":true')).length >= 4);
});

test('a vendor that says our own credentials back is not passed on', async () => {
  const { sandbox } = setup;
  const all = { composio: sandbox.composio_api_key, scalekit: sandbox.scalekit_client_secret, pipedream: sandbox.pipedream_client_secret };
  for (const [vendor, secret] of Object.entries(all)) {
    for (const status of [400, 401, 403, 404, 422, 500]) {
      const said = `Invalid credential: ${secret}`;
      await sandbox.fault({ vendor, path: '*exec*', fault: { status, content_type: 'application/json', body: { error: { message: said, slug: 'X', suggested_fix: said, status }, message: said, error_description: said, details: [{ message: said }] } } });
      await sandbox.fault({ vendor, path: '*/run', fault: { status, content_type: 'application/json', body: { error: said, message: said, details: said } } });
      keep(`${vendor} ${status}`, await gateway.execute({ tool: 'echo_write', vendor, user_id: 'user_123', timeout_ms: 2000 }));
      await sandbox.clearFaults();
      keep('reply', await gateway.execute({ tool: 'echo_echo', vendor, user_id: 'user_123' }));
    }
  }
  await sandbox.fault({ vendor: 'worker', fault: { status: 422, content_type: 'application/problem+json', body: { code: 'tool_failed', detail: `bad signature, expected one made with ${sandbox.worker_secret}` } } });
  keep('worker', await gateway.execute({ tool: 'billing_echo' }));
});

test('0 credentials in replies, pages, metrics, logs, the store’s bytes and what the commands print', async () => {
  const pages = ['/v1/calls?limit=200', '/v1/registry/export?format=json', '/v1/registry/export?format=yaml', '/v1/registry/export?format=md', '/v1/vendors', '/v1/keys', '/v1/tenants', '/v1/cases', '/openapi.json', '/v1/toolkits', '/v1/registry/toolkits/billing', '/v1/nothing', '/readyz'];
  for (const page of pages) keep(page, await gateway.get(page));
  keep('metrics', await gateway.admin.get('/metrics'));
  keep('wrong key', await gateway.withKey(`${gateway.key}x`).get('/v1/calls'));
  const env = { ...setup.env, SWITCHYARD_URL: gateway.url, SWITCHYARD_KEY: gateway.key };
  const commands = [['vendor', 'list'], ['key', 'list'], ['tenant', 'list'], ['registry', 'list'], ['registry', 'show', 'billing'], ['registry', 'export'], ['cases'], ['triage', 'nobody'], ['resolve', 'echo_echo', '--explain'], ['call', 'echo_echo', '--user', 'user_123', 'v=1'],
    ['call', 'echo_echo', '--user', 'user_new'], ['check', '--config', setup.file], ['doctor', '--config', setup.file], ['check', '--config', `${setup.file}.none`], ['version']];
  for (const args of commands) {
    for (const output of [[], ['--output', 'json']]) {
      const done = await run([...args, ...output], { env });
      heard.push({ where: `switchyard ${args.join(' ')}`, bytes: Buffer.from(done.stdout + done.stderr) });
    }
  }
  // A fault beside a credential: the configuration's text must not be shown with it.
  const broken = `${setup.file}.broken.yaml`;
  writeFileSync(broken, readFileSync(setup.file, 'utf8').replace('env:T_COMPOSIO_KEY', setup.sandbox.composio_api_key));
  const checked = await run(['check', '--config', broken], { env });
  assert.equal(checked.code, 1, 'a bare credential is an error');
  heard.push({ where: 'check with a bare credential', bytes: Buffer.from(checked.stdout + checked.stderr) });

  const log = gateway.output();
  const bytesOf = (when) => {
    const folder = path.join(setup.dir, 'var');
    for (const name of readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile()))
      heard.push({ where: `${name.name} ${when}`, bytes: readFileSync(path.join(name.parentPath ?? name.path, name.name)) });
  };
  bytesOf('while it runs');
  await gateway.stop();
  bytesOf('afterwards');
  heard.push({ where: 'log', bytes: Buffer.from(log.stdout + log.stderr) });

  const { sandbox } = setup;
  const secrets = {
    'composio api_key': sandbox.composio_api_key, 'scalekit client_secret': sandbox.scalekit_client_secret, 'pipedream client_secret': sandbox.pipedream_client_secret,
    'worker secret': sandbox.worker_secret, 'infisical client_secret': sandbox.infisical_client_secret, 'the caller’s key': gateway.key,
  };
  for (const one of await sandbox.requests('limit=1000')) {
    const bearer = /bearer ([^"\\\s]+)/i.exec(JSON.stringify(one.headers));
    if (bearer) secrets[`token ${Object.keys(secrets).length}`] ??= bearer[1];
  }
  assert.ok(Object.keys(secrets).some((name) => name.startsWith('token')));
  const distinct = [...new Map(Object.entries(secrets).map(([name, value]) => [value, name]))].slice(0, 40);
  const hits = [];
  for (const [value, name] of distinct) {
    for (const form of forms(value)) {
      for (const { where, bytes } of heard) if (bytes.includes(form)) hits.push(`${name} as ${form} in ${where}`);
    }
  }
  assert.ok(heard.length > 80 && heard.some((one) => /db/.test(one.where)) && existsSync(setup.file));
  assert.deepEqual([...new Set(hits)], []);
});
