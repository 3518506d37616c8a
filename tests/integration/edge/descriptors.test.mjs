// A gateway that runs out of descriptors (64 of them): what is refused says so, what is connected
// goes on, and all is well within a second of the cause's end.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import http from 'node:http';
import { after, before, test } from 'node:test';

import { Client, configured, eventually, program, sleep } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';
import { responses, Wire } from './wire.mjs';

const NOFILE = 64;
const call = { tool: 'echo_echo', vendor: 'composio', user_id: 'user_123' };
let setup;
let gateway;
let kept; /* a client with a connection of its own from before */
let at;

before(async () => {
  setup = await configured();
  gateway = await setup.serve();
  kept = new Client(gateway.url, setup.key, new http.Agent({ keepAlive: true, maxSockets: 1 }));
  const { hostname, port } = new URL(gateway.url);
  at = { host: hostname, port: Number(port) };
  assert.equal((await kept.get('/healthz')).status, 200);
  execFileSync('prlimit', ['--pid', String(gateway.pid), `--nofile=${NOFILE}:${NOFILE}`]);
});
after(async () => {
  await gateway.stop();
  await setup.stop();
});

const open = () => readdirSync(`/proc/${gateway.pid}/fd`).length;

/** Connects until the gateway has no descriptor left; those that it turned away have their answer. */
async function exhaust(t) {
  const wires = [];
  t.after(() => wires.forEach((wire) => wire.close()));
  for (let i = 0; i < 2 * NOFILE; i++) wires.push(await Wire.open(at));
  await eventually('no descriptor is left', () => wires.some((wire) => wire.closed), 5000);
  return wires;
}

const seconds = [];

async function recovered(what, since) {
  await eventually(what, async () => {
    const wire = await Wire.open(at);
    wire.write('GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await wire.until(() => wire.closed, 1000);
    wire.close();
    return responses(wire.bytes)[0]?.status === 200;
  }, 5000);
  seconds.push((Date.now() - since) / 1000);
}

test('clients beyond the last descriptor are turned away with 503, those connected are served', { timeout: 60000 }, async (t) => {
  const wires = await exhaust(t);
  const away = wires.filter((wire) => wire.closed);
  for (const wire of away) {
    const [answer] = responses(wire.bytes);
    assert.equal(answer?.status, 503);
    assert.match(answer.headers.get('retry-after'), /^[1-9]\d*$/);
  }
  for (let i = 0; i < 20; i++) assert.equal((await kept.get('/healthz')).status, 200);
  const since = Date.now();
  wires.forEach((wire) => wire.close());
  await recovered('the gateway takes connections again', since);
  assert.ok(seconds.at(-1) <= 2, `${seconds.at(-1)} s`);
});

test('a call that finds no descriptor for its vendor is overloaded, the gateway\'s own doing, and not sent', { timeout: 60000 }, async (t) => {
  const wires = await exhaust(t);
  const before = (await setup.sandbox.counts()).composio.total;
  const refused = await kept.execute(call);
  assert.deepEqual([refused.status, refused.json.code, refused.json.cause, refused.json.origin, refused.json.maybe_applied],
    [503, 'overloaded', 'descriptors', 'gateway', false]);
  assert.match(refused.headers['retry-after'], /^[1-9]\d*$/);
  assert.equal((await setup.sandbox.counts()).composio.total, before);
  const since = Date.now();
  wires.forEach((wire) => wire.close());
  await eventually('calls go through again', async () => (await kept.execute(call)).status === 200, 5000);
  seconds.push((Date.now() - since) / 1000);
  assert.ok(seconds.at(-1) <= 2, `${seconds.at(-1)} s`);
  /* Nothing of it is held against the vendor. */
  const vendor = Object.values((await kept.get('/v1/vendors')).json).find(Array.isArray).find((one) => Object.values(one).includes('composio'));
  assert.match(JSON.stringify(vendor), /"ready"/);
});

test('a gateway takes the descriptors that the system allows it', { timeout: 60000 }, async () => {
  const script = 'ulimit -Sn 256; exec "$0" serve --sandbox --listen 127.0.0.1:0 --admin-listen off';
  const child = spawn('bash', ['-c', script, program()], { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = new Promise((resolve) => child.once('close', resolve));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const [soft, hard] = readFileSync(`/proc/${child.pid}/limits`, 'utf8').match(/Max open files\s+(\d+)\s+(\d+)/).slice(1).map(Number);
  child.kill('SIGTERM');
  assert.equal(await exited, 0);
  assert.ok(soft === hard && soft > 256, `${soft} of ${hard}`);
});

test('ten bouts leave no descriptor behind', { timeout: 60000 }, async (t) => {
  await sleep(200);
  const before = open();
  for (let i = 0; i < 10; i++) (await exhaust(t)).forEach((wire) => wire.close());
  await eventually('descriptors are back', () => open() <= before + 2, 5000);
  const since = Date.now();
  await recovered('the gateway takes connections again', since);
  report('descriptors', {
    section: '5.3', title: 'Out of descriptors',
    text: `A gateway limited to ${NOFILE} descriptors while ${2 * NOFILE} clients connect, twelve times over.`,
    columns: ['what', 'measured'],
    rows: [['clients turned away', '503 with Retry-After, all'], ['call that needs a vendor connection', '503 overloaded, cause descriptors, not sent'], ['seconds until it serves again, worst', Math.max(...seconds).toFixed(2)], ['descriptors left behind', Math.max(0, open() - before)]],
  });
});
