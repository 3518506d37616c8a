// A whole gateway for one test file: `serve --sandbox`, or `serve --config` over stand-ins that run
// in a process of their own and so outlive it. Requests go over kept connections, bodies as bytes.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startSandbox } from '../sandbox/standin.mjs';

export { consent } from '../sandbox/standin.mjs';
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const corpora = [process.env.SY_SHARED_DIR, path.join(root, '../shared')].filter(Boolean)
  .map((dir) => path.join(dir, 'data/corpora')).find(existsSync) ?? null;
export const catalogue = [process.env.SY_SHARED_DIR, path.join(root, '../shared')].filter(Boolean)
  .map((dir) => path.join(dir, 'data/catalogue')).find(existsSync) ?? null;

export function program() {
  const found = [process.env.SWITCHYARD_BIN, ...['asan-ubsan', 'dev'].map((name) => path.join(root, 'build', name, 'switchyard'))]
    .filter(Boolean).find(existsSync);
  if (!found) throw new Error('switchyard is not built: set SWITCHYARD_BIN');
  return found;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Waits until `probe` gives something true; its value, or an error that says what was waited for.
export async function eventually(what, probe, ms = 5000) {
  const end = Date.now() + ms;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not in ${ms} ms: ${what}`);
    await sleep(20);
  }
}

/** Runs `work` over `items`, `width` at a time; results in order. */
export async function inParallel(items, width, work) {
  const results = new Array(items.length);
  let next = 0;
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, async () => {
    while (next < items.length) {
      const at = next++;
      results[at] = await work(items[at], at);
    }
  }));
  return results;
}

/** Runs the program to its end. */
export function run(args, { env = {}, input } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program(), args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => { stdout += chunk; });
    child.stderr.on('data', (chunk) => { stderr += chunk; });
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** One key at one gateway. */
export class Client {
  constructor(url, key, agent = new http.Agent({ keepAlive: true, maxSockets: 256 })) {
    Object.assign(this, { url, key, agent });
  }

  withKey(key) {
    return new Client(this.url, key, this.agent);
  }

  // {status, headers, body (bytes), json (lazily)}; `signal` hangs up.
  request(method, target, { body, headers = {}, signal, agent = this.agent } = {}) {
    const bytes = body === undefined || Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body);
    const head = {
      ...(this.key ? { authorization: `Bearer ${this.key}` } : {}),
      ...(bytes === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) }),
      ...headers,
    };
    return new Promise((resolve, reject) => {
      const request = http.request(this.url + target, { method, headers: head, agent, signal }, (reply) => {
        const chunks = [];
        reply.on('data', (chunk) => chunks.push(chunk));
        reply.on('error', reject);
        reply.on('end', () => {
          const all = Buffer.concat(chunks);
          resolve({ status: reply.statusCode, headers: reply.headers, body: all, get json() { return JSON.parse(all.toString()); } });
        });
      });
      request.on('error', reject);
      request.end(bytes);
    });
  }

  get(target, options) { return this.request('GET', target, options); }

  post(target, body, options) { return this.request('POST', target, { body, ...options }); }

  execute(body, options) { return this.post('/v1/execute', body, options); }

  // A key of `tenant`, made by this one; the tenant is created if it is not there.
  async makeKey(tenant, scopes = ['call'], environment = 'production') {
    await this.post('/v1/tenants', { tenant });
    const reply = await this.post('/v1/keys', { tenant, scopes, environment });
    if (reply.status !== 201) throw new Error(`no key: ${reply.status} ${reply.body}`);
    return this.withKey(JSON.stringify(reply.json).match(/sy_[A-Za-z0-9_-]+/)[0]);
  }

  // The arguments as bytes, spliced in unread.
  executeRaw(envelope, args, options) {
    const head = JSON.stringify(envelope).slice(0, -1);
    return this.execute(Buffer.concat([Buffer.from(`${head},"arguments":`), args, Buffer.from('}')]), options);
  }
}

function watch(child) {
  const seen = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => { seen.stdout += chunk; });
  child.stderr.on('data', (chunk) => { seen.stderr += chunk; });
  const exited = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  const line = async (pattern) => {
    let ended = null;
    exited.then((how) => { ended = how; });
    return eventually(`${pattern} on stdout\n${seen.stderr}`, () => {
      const match = pattern.exec(seen.stdout);
      if (!match && ended) throw new Error(`switchyard ended with ${JSON.stringify(ended)}\n${seen.stdout}${seen.stderr}`);
      return match;
    }, 60000);
  };
  return { seen, exited, line };
}

function handle(child, watched, client, admin) {
  return Object.assign(client, {
    pid: child.pid,
    admin: admin && new Client(admin, null),
    output: () => watched.seen,
    signal: (name) => child.kill(name),
    exited: watched.exited,
    // A sanitizer's complaint is an exit code other than 0.
    stop: async () => {
      child.kill('SIGTERM');
      const how = await watched.exited;
      if (how.code !== 0) throw new Error(`switchyard ended with ${JSON.stringify(how)}\n${watched.seen.stderr.slice(-20000)}`);
      return watched.seen;
    },
  });
}

/** What a test does to stand-ins that it knows by one of their URLs. */
export async function standIns(url) {
  const client = new Client(url, null);
  const ask = async (method, name, body) => {
    const reply = await client.request(method, `/__sandbox/${name}`, { body });
    if (reply.status >= 300) throw new Error(`${name}: ${reply.status} ${reply.body}`);
    return reply.status === 204 ? null : reply.json;
  };
  return {
    ...await ask('GET', 'endpoints'),
    reset: () => ask('POST', 'reset'),
    fault: (script) => ask('POST', 'faults', script),
    clearFaults: () => ask('DELETE', 'faults'),
    account: (body) => ask('POST', 'accounts', body),
    counts: () => ask('GET', 'counts'),
    requests: async (query = '') => (await ask('GET', `requests?${query}`)).requests,
  };
}

/** `serve --sandbox`: gateway and stand-ins in one process, a key with all scopes. */
export async function serveSandbox(...args) {
  const child = spawn(program(), ['serve', '--sandbox', '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const watched = watch(child);
  const key = (await watched.line(/SWITCHYARD_KEY=(\S+)/))[1];
  const url = (await watched.line(/SWITCHYARD_URL=(\S+)/))[1];
  const admin = (await watched.line(/metrics at (http:\S+)\/metrics/))[1];
  const gateway = handle(child, watched, new Client(url, key), admin);
  const rows = (await gateway.get('/v1/registry/toolkits/billing')).json;
  const worker = JSON.stringify(rows).match(/"endpoint":"(http[^"]*)"/)[1];
  gateway.sandbox = await standIns(new URL(worker).origin);
  return gateway;
}

export const openPolicy = `version: 1
order: [native, pipedream, pending, worker]
native: [composio, scalekit]
limits: {tenant: {rate: 100000/s, burst: 100000, in_flight: 4096}, request_bytes: 4MiB, response_bytes: 32MiB}
`;

/**
 * A folder with a configuration over running stand-ins, a store with the example rows and one key of
 * tenant `default`; `serve()` starts a gateway on it, as often as one likes. `change` edits the
 * configuration's text before it is written, `prepare` gets {dir, file, sandbox, env} before first use.
 */
export async function configured(options = {}) {
  const sandbox = await startSandbox();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'switchyard-test-'));
  try {
    return await configuredIn(dir, sandbox, options);
  } catch (error) {
    await sandbox.stop();
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

async function configuredIn(dir, sandbox, { policy = openPolicy, change = (text) => text, rows = '', env = {}, allow = '["127.0.0.0/8"]', prepare = () => {} }) {
  const file = path.join(dir, 'switchyard.yaml');
  const policyFile = path.join(dir, 'policies/policy.yaml');
  mkdirSync(path.dirname(policyFile));
  writeFileSync(policyFile, policy);
  writeFileSync(file, change(`listen: 127.0.0.1:0
admin_listen: 127.0.0.1:0
threads: 2
store: sqlite:var/switchyard.db
policies: policies/
egress: {allow: ${allow}}
secrets:
  named: {billing: env:T_WORKER_SECRET}
vendors:
  composio: {base_url: "${sandbox.composio_url}", api_key: env:T_COMPOSIO_KEY}
  scalekit: {base_url: "${sandbox.scalekit_url}", client_id: env:T_SCALEKIT_ID, client_secret: env:T_SCALEKIT_SECRET}
  pipedream: {base_url: "${sandbox.pipedream_url}", client_id: env:T_PIPEDREAM_ID, client_secret: env:T_PIPEDREAM_SECRET, project_id: "${sandbox.pipedream_project_id}", environment: development}
`));
  const all = {
    T_WORKER_SECRET: sandbox.worker_secret, T_COMPOSIO_KEY: sandbox.composio_api_key,
    T_SCALEKIT_ID: sandbox.scalekit_client_id, T_SCALEKIT_SECRET: sandbox.scalekit_client_secret,
    T_PIPEDREAM_ID: sandbox.pipedream_client_id, T_PIPEDREAM_SECRET: sandbox.pipedream_client_secret, ...env,
  };
  prepare({ dir, file, sandbox, env: all });
  const cli = async (...args) => {
    const done = await run(args, { env: all });
    if (done.code !== 0) throw new Error(`switchyard ${args.join(' ')}: ${done.code}\n${done.stdout}${done.stderr}`);
    return done.stdout;
  };
  const rowsFile = path.join(dir, 'rows.yaml');
  writeFileSync(rowsFile, readFileSync(path.join(root, 'registry/sandbox.yaml'), 'utf8').replaceAll('{worker_url}', sandbox.worker_url) + rows);
  await cli('registry', 'import', rowsFile, '--config', file);
  await run(['tenant', 'create', 'default', '--config', file], { env: all });
  const key = (await cli('key', 'create', '--config', file, '--tenant', 'default', '--scopes', 'call,connect,registry,admin')).match(/sy_[A-Za-z0-9_-]+/)[0];
  const serve = async (...args) => {
    const child = spawn(program(), ['serve', '--config', file, ...args], { env: { ...process.env, ...all }, stdio: ['ignore', 'pipe', 'pipe'] });
    const watched = watch(child);
    const url = (await watched.line(/listens on (http:\S+)/))[1];
    const admin = (await watched.line(/metrics at (http:\S+)\/metrics/))[1];
    return handle(child, watched, new Client(url, key), admin);
  };
  return {
    dir, file, policyFile, key, sandbox, cli, serve, env: all,
    writePolicy: (text) => writeFileSync(policyFile, text),
    stop: async () => {
      const how = await sandbox.stop();
      rmSync(dir, { recursive: true, force: true });
      if (how.code !== 0) throw new Error(`the stand-ins ended with ${JSON.stringify(how)}`);
    },
  };
}
