// A gateway on a folder of `configured()`, plain or with TLS, whose process may be replaced by its
// successor while the test runs.
import { after } from 'node:test';
import { spawn, execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { Client, eventually, program } from '../gateway/gateway.mjs';

export const echo = { tool: 'echo_echo', user_id: 'user_123', arguments: { v: 1 } };

const state = (pid) => {
  try {
    return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))[1];
  } catch {
    return 'gone';
  }
};
export const runs = (pid) => !['gone', 'Z'].includes(state(pid));

function servesFrom(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(file);
  } catch {
    return false;
  }
}

// Ends what a failed test left running on the configuration, successors that it never heard of
// included: they would keep this process alive as well.
export async function sweep({ file }) {
  const left = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && servesFrom(name, file)).map(Number);
  for (const pid of left) if (runs(pid)) process.kill(pid, 'SIGKILL');
  await eventually('they have ended', () => !left.some(runs));
}

// A test that failed leaves its gateway behind, and the run would wait for it.
const started = [];
after(() => {
  for (const { pid } of started) if (runs(pid)) process.kill(pid, 'SIGKILL');
});

export class Gateway {
  static async start(setup, { args = [], env = {} } = {}) {
    const gateway = new Gateway();
    const child = spawn(program(), ['serve', '--config', setup.file, ...args], { env: { ...process.env, ...setup.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    gateway.stdout = '';
    gateway.stderr = '';
    child.stdout.on('data', (chunk) => { gateway.stdout += chunk; });
    child.stderr.on('data', (chunk) => { gateway.stderr += chunk; });
    gateway.pid = child.pid;
    started.push(gateway);
    await eventually('the gateway serves', () => {
      if (child.exitCode !== null) throw new Error(gateway.stdout + gateway.stderr);
      return /metrics at \S+/.test(gateway.stdout);
    }, 60000);
    gateway.url = /listens on (\S+)/.exec(gateway.stdout)[1];
    gateway.adminUrl = /metrics at (\S+)\/metrics/.exec(gateway.stdout)[1];
    gateway.port = Number(new URL(gateway.url).port);
    gateway.client = new Client(gateway.url, setup.key);
    return gateway;
  }

  count(pattern) {
    return this.stderr.match(pattern)?.length ?? 0;
  }

  // Sends the signal and waits until the log has one more line like `pattern`.
  async signal(name, pattern, ms = 60000) {
    const before = this.count(pattern);
    process.kill(this.pid, name);
    await eventually(`${pattern} after ${name}\n${this.stderr.slice(-3000)}`, () => this.count(pattern) > before, ms);
  }

  // True if it was taken, false if it was refused.
  async reload() {
    const taken = this.count(/"event":"reload",/g);
    await this.signal('SIGHUP', /"event":"reload(_refused)?",/g);
    return this.count(/"event":"reload",/g) > taken;
  }

  async upgrade() {
    await this.signal('SIGUSR2', /process \d+ serves now/g);
    const old = this.pid;
    this.pid = Number([...this.stderr.matchAll(/process (\d+) serves now/g)].at(-1)[1]);
    return old;
  }

  // The process before answers its last connections and ends; ours would keep it.
  async ended(pid) {
    this.client.agent.destroy();
    await eventually(`process ${pid} has ended`, () => !runs(pid), 70000);
  }

  async metric(name) {
    const text = (await new Client(this.adminUrl, null).get('/metrics')).body.toString();
    return Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\S+)`, 'm').exec(text)?.[1] ?? NaN);
  }

  // Ends the process in charge; a sanitizer's complaint of any process is an error.
  async stop() {
    if (runs(this.pid)) process.kill(this.pid, 'SIGTERM');
    await eventually('the process has ended', () => !runs(this.pid), 60000);
    if (/Sanitizer|runtime error:/.test(this.stderr)) throw new Error(this.stderr.slice(-20000));
  }
}

// Which sanitizer the program was built with, or nothing.
export function sanitizer() {
  const bytes = readFileSync(program());
  return ['asan', 'tsan'].find((name) => bytes.includes(`__${name}_init`));
}

// A certificate for localhost and its key in `dir`, under `name`; its serial number as hex.
export function certificate(dir, name, kind = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']) {
  const [key, cert] = [path.join(dir, `${name}.key`), path.join(dir, `${name}.pem`)];
  execFileSync('openssl', ['req', '-x509', '-newkey', ...kind, '-nodes', '-keyout', key, '-out', cert, '-days', '30',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], { stdio: 'ignore' });
  return { key, cert, pem: readFileSync(cert), keyPem: readFileSync(key) };
}
