// Starts the stand-ins for one test file and gives back where they are and what opens them.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

// SY_BUILD_DIR names the build; without it any preset's build below build/ will do.
function program() {
  const builds = process.env.SY_BUILD_DIR
    ? [process.env.SY_BUILD_DIR]
    : existsSync(path.join(root, 'build'))
      ? readdirSync(path.join(root, 'build')).map((name) => path.join(root, 'build', name))
      : [];
  const found = builds.map((dir) => path.join(dir, 'tests', 'sandbox-standin')).find(existsSync);
  if (!found) throw new Error('sandbox-standin is not built: set SY_BUILD_DIR');
  return found;
}

export const sharedDir = process.env.SY_SHARED_DIR ?? path.resolve(root, '../shared');

// `args`: a catalogue folder, or nothing. The process ends when its standard input closes.
export async function startSandbox(...args) {
  const child = spawn(program(), args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  const first = new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
  const line = await Promise.race([first, exited.then(({ code }) => { throw new Error(`sandbox-standin ended with ${code}`); })]);
  const { url } = JSON.parse(line);
  const at = await (await fetch(`${url}/__sandbox/endpoints`)).json();
  const admin = async (method, name, body) => {
    const reply = await fetch(`${url}/__sandbox/${name}`, { method, body: body && JSON.stringify(body) });
    if (!reply.ok) throw new Error(`${name}: ${reply.status} ${await reply.text()}`);
    return reply.status === 204 ? null : reply.json();
  };
  return {
    ...at,
    reset: () => admin('POST', 'reset'),
    fault: (script) => admin('POST', 'faults', script),
    faults: () => admin('GET', 'faults'),
    clearFaults: () => admin('DELETE', 'faults'),
    switches: (body) => admin('POST', 'switches', body),
    account: (body) => admin('POST', 'accounts', body),
    counts: () => admin('GET', 'counts'),
    requests: async (query = '') => (await admin('GET', `requests?${query}`)).requests,
    // A sanitizer's complaint is an exit code other than 0.
    stop: async () => { child.stdin.end(); return exited; },
  };
}

// Opens a connect link the way a browser does and presses a button. Returns where it leads.
export async function consent(link, decision = 'approve') {
  const page = await fetch(link);
  const html = await page.text();
  if (page.status !== 200 || !html.includes('<form method="post">')) return { status: page.status, html };
  const reply = await fetch(link, {
    method: 'POST', redirect: 'manual', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: `decision=${decision}`,
  });
  return { status: reply.status, location: reply.headers.get('location') };
}

export const pipedreamToken = async (sandbox) => (await (await fetch(`${sandbox.pipedream_url}/v1/oauth/token`, {
  method: 'POST', headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ grant_type: 'client_credentials', client_id: sandbox.pipedream_client_id, client_secret: sandbox.pipedream_client_secret }),
})).json()).access_token;

export const scalekitToken = async (sandbox) => (await (await fetch(`${sandbox.scalekit_url}/oauth/token`, {
  method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: `grant_type=client_credentials&client_id=${sandbox.scalekit_client_id}&client_secret=${sandbox.scalekit_client_secret}`,
})).json()).access_token;
