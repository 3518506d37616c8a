// The built program as a child: commands that end, and gateways that run until a signal.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

export const program =
  process.env.SWITCHYARD_BIN ??
  ['build/asan-ubsan/switchyard', 'build/dev/switchyard'].map((path) => join(root, path)).find(existsSync);
if (!program) throw new Error('no switchyard is built: set SWITCHYARD_BIN');

// Nothing of the caller's own gateway or keys reaches a test.
const plain = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(SWITCHYARD|COMPOSIO|SCALEKIT|PIPEDREAM|INFISICAL|GITHUB)_/.test(name)),
);

export function environment(extra = {}) {
  return { ...plain, NO_COLOR: '1', ...extra };
}

/** Runs a command to its end: {code, out, err}. */
export function run(words, { env = {}, cwd = root, input } = {}) {
  return new Promise((done, fail) => {
    const child = spawn(program, words, { env: environment(env), cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), 60000);
    child.stdout.on('data', (bytes) => (out += bytes));
    child.stderr.on('data', (bytes) => (err += bytes));
    child.on('error', fail);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      done({ code: code ?? signal, out, err });
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
  });
}

/** Starts a command that runs on; resolves when its output matches. */
export function start(words, ready, { env = {}, cwd = root } = {}) {
  return new Promise((done, fail) => {
    const child = spawn(program, words, { env: environment(env), cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const running = { child, out: '', err: '', ended: null };
    const timer = setTimeout(() => fail(new Error(`not ready: ${running.out}${running.err}`)), 60000);
    running.ended = new Promise((over) => child.on('close', (code, signal) => over(code ?? signal)));
    running.stop = (signal = 'SIGTERM') => {
      child.kill(signal);
      return running.ended;
    };
    child.stdout.on('data', (bytes) => {
      running.out += bytes;
      if (ready.test(running.out)) {
        clearTimeout(timer);
        done(running);
      }
    });
    child.stderr.on('data', (bytes) => (running.err += bytes));
    running.ended.then((code) => {
      clearTimeout(timer);
      fail(new Error(`ended with ${code}: ${running.out}${running.err}`));
    });
  });
}

/** `serve --sandbox` on free ports, with the environment its clients need. */
export async function sandboxGateway(words = []) {
  const gateway = await start(
    ['serve', '--sandbox', '--listen', '127.0.0.1:0', '--admin-listen', 'off', ...words],
    /^try:/m,
  );
  gateway.env = {
    SWITCHYARD_URL: /export SWITCHYARD_URL=(\S+)/.exec(gateway.out)[1],
    SWITCHYARD_KEY: /export SWITCHYARD_KEY=(\S+)/.exec(gateway.out)[1],
  };
  gateway.run = (line, options = {}) =>
    run(Array.isArray(line) ? line : line.split(' '), { ...options, env: { ...gateway.env, ...options.env } });
  return gateway;
}

/** `switchyard sandbox`: the stand-ins alone, with their endpoints. */
export async function standIns() {
  const stands = await start(['sandbox', '--output', 'json'], /\n$/);
  stands.at = JSON.parse(stands.out);
  return stands;
}

/** A folder that goes away with the test. */
export function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'switchyard-test-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Points the vendors of a configuration at stand-ins: base URLs and keys, nothing else. */
export function pointAt(file, at) {
  const text = readFileSync(file, 'utf8').split(/^vendors:$/m)[0].replace(/^listen:.*$/m, 'listen: 127.0.0.1:0').replace(/^admin_listen:.*$/m, 'admin_listen: "off"');
  const section = (name, secrets, plainOnes = []) =>
    `  ${name}:\n    base_url: ${at[name].base_url}\n` +
    secrets.map((key) => `    ${key}: literal:${at[name][key]}\n`).join('') +
    plainOnes.map((key) => `    ${key}: ${at[name][key]}\n`).join('');
  writeFileSync(
    file,
    `${text}vendors:\n` +
      section('composio', ['api_key']) +
      section('scalekit', ['client_id', 'client_secret']) +
      section('pipedream', ['client_id', 'client_secret'], ['project_id', 'environment']),
  );
}
