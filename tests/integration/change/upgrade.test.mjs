// The program is replaced by itself under load: nothing fails, nothing is lost, no key runs twice.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { configured, eventually, inParallel, openPolicy, program, sleep } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';
import { Load, columns, peers } from './load.mjs';
import { Gateway, echo, runs, sweep } from './rig.mjs';

const upgrades = Number(process.env.SY_CHANGE_UPGRADES ?? 20);
let setup;
before(async () => { setup = await configured(); });
after(async () => {
  if (!setup) return;
  await sweep(setup);
  await setup.stop();
});

const write = { tool: 'echo_write', vendor: 'composio', user_id: 'user_123', arguments: { v: 1 } };

async function rowsOf(client) {
  const rows = new Map();
  let cursor = '';
  do {
    const page = (await client.get(`/v1/calls?limit=200${cursor && `&cursor=${cursor}`}`)).json;
    for (const row of page.items) rows.set(row.id, row);
    cursor = page.next_cursor;
  } while (cursor);
  return rows;
}

test(`${upgrades} upgrades under load: no call fails, every answered call has its row`, async () => {
  const gateway = await Gateway.start(setup);
  const answered = [];
  const load = new Load({ port: gateway.port, key: setup.key, body: echo, check: (json) => { answered.push(json.id); } }).start();
  const pids = new Set([gateway.pid]);
  for (let i = 0; i < upgrades; i++) {
    await sleep(100);
    const old = await gateway.upgrade();
    pids.add(gateway.pid);
    await eventually('the process before has ended', () => !runs(old), 60000);
    await eventually('its successor knows', () => gateway.count(/has answered all its calls and ended/g) === i + 1, 10000);
  }
  await sleep(200);
  await load.stop();
  assert.equal(pids.size, upgrades + 1);
  assert.deepEqual(load.failures, []);
  assert.equal(load.failed, 0);
  const rows = await rowsOf(gateway.client);
  const lost = answered.filter((id) => !rows.has(id));
  assert.deepEqual(lost, [], `${lost.length} of ${answered.length} answered calls have no row`);
  assert.equal(new Set(answered).size, answered.length);
  report('change-upgrade', {
    section: 'Change', title: 'The program replaced under load',
    text: `SIGUSR2 ${upgrades} times while 8 kept connections and 8 that are new for each call send calls; each process ends before the next upgrade. ${answered.length} answered calls, ${lost.length} without their ledger row.`,
    columns, rows: [['Switchyard, program upgraded', ...load.figures(), upgrades], ...peers],
  });
  await gateway.stop();
});

test('a call in flight at the upgrade is answered by the old process, with Connection: close, and its row is there', async () => {
  const gateway = await Gateway.start(setup);
  await gateway.client.execute(echo);
  // Longer than the upgrade takes on a busy machine, so that all of them end after it.
  await setup.sandbox.fault({ vendor: 'composio', path: '*/execute/*', count: 0, fault: { delay_ms: 5000 } });
  const total = async () => (await setup.sandbox.counts()).composio.total;
  const before = await total();
  const calls = Array.from({ length: 40 }, (_, i) => gateway.client.execute({ ...write, arguments: { i } }));
  await eventually('all are at the vendor', async () => await total() - before >= 40, 20000);
  const old = await gateway.upgrade();
  assert.ok(runs(old));
  await setup.sandbox.clearFaults();
  const quick = await gateway.client.execute(echo, { agent: false });
  assert.equal(quick.status, 200);
  const answers = await Promise.all(calls);
  for (const [i, reply] of answers.entries()) {
    assert.equal(reply.status, 200, reply.body.toString());
    assert.equal(reply.json.data.i, i);
    assert.equal(reply.headers.connection, 'close');
  }
  await gateway.ended(old);
  const rows = await rowsOf(gateway.client);
  for (const reply of answers) assert.equal(rows.get(reply.json.id)?.outcome, 'ok');
  await gateway.stop();
});

test('one idempotency key at both processes runs once: in flight, answered, and freed', async () => {
  const gateway = await Gateway.start(setup);
  const total = async () => (await setup.sandbox.counts()).composio.total;
  const keyed = (key, agent) => gateway.client.execute(write, { agent, headers: { 'idempotency-key': key } });
  await gateway.client.execute(write);
  const answered = await keyed('answered-before');
  await setup.sandbox.fault({ vendor: 'composio', path: '*/execute/*', count: 0, fault: { delay_ms: 1500 } });
  const before = await total();
  const first = Array.from({ length: 10 }, (_, i) => keyed(`in-flight-${i}`, false));
  await eventually('all are at the vendor', async () => await total() - before >= 10, 20000);
  const old = await gateway.upgrade();
  const second = Array.from({ length: 10 }, (_, i) => keyed(`in-flight-${i}`, false));
  const again = await keyed('answered-before', false);
  assert.deepEqual([again.status, again.headers['idempotency-replayed']], [200, 'true']);
  assert.equal(again.json.id, answered.json.id);
  const [a, b] = [await Promise.all(first), await Promise.all(second)];
  for (let i = 0; i < 10; i++) {
    assert.deepEqual([a[i].status, b[i].status], [200, 200], b[i].body.toString());
    assert.equal(a[i].json.id, b[i].json.id);
    assert.equal(b[i].headers['idempotency-replayed'], 'true');
  }
  assert.equal(await total() - before, 10);
  await setup.sandbox.clearFaults();
  await gateway.ended(old);
  await eventually('its successor has the keys', () => gateway.count(/has answered all its calls and ended/g) === 1);
  assert.equal((await keyed('in-flight-3')).headers['idempotency-replayed'], 'true');
  assert.equal(await total() - before, 10);
  await gateway.stop();
});

test('a key that both processes are asked for at once runs once', async () => {
  const gateway = await Gateway.start(setup);
  await gateway.client.execute(write);
  // A kept connection that has spoken stays with the old process until its next request.
  const kept = Array.from({ length: 24 }, () => new Load({ port: gateway.port, key: setup.key, body: echo, kept: 0, fresh: 0 }));
  const sockets = [];
  for (const load of kept) sockets.push(await load.one(load.kept, true, null));
  assert.ok(sockets.every(Boolean));
  const total = async () => (await setup.sandbox.counts()).composio.total;
  await setup.sandbox.fault({ vendor: 'composio', path: '*/execute/*', count: 0, fault: { delay_ms: 100 } });
  const old = await gateway.upgrade();
  assert.ok(runs(old));
  const before = await total();
  const ids = new Map();
  await Promise.all(kept.flatMap((load, i) => {
    const key = `both-${i % 12}`;
    load.request = () => ({ body: write, headers: { 'idempotency-key': key } });
    load.check = (json) => { ids.set(key, (ids.get(key) ?? new Set()).add(json.id)); };
    return [load.one(load.kept, true, sockets[i]),
      gateway.client.execute(write, { agent: false, headers: { 'idempotency-key': key } }).then((reply) => {
        assert.equal(reply.status, 200, reply.body.toString());
        ids.get(key)?.add(reply.json.id) ?? ids.set(key, new Set([reply.json.id]));
      })];
  }));
  assert.deepEqual(kept.flatMap((load) => load.failures), []);
  assert.equal(await total() - before, 12);
  for (const [key, seen] of ids) assert.equal(seen.size, 1, key);
  await setup.sandbox.clearFaults();
  await gateway.ended(old);
  await gateway.stop();
});

test('a key revoked at the new process is refused by the old one, too', async () => {
  const gateway = await Gateway.start(setup);
  const victim = await gateway.client.makeKey('upgradetenant');
  const load = new Load({ port: gateway.port, key: victim.key, body: echo, kept: 0, fresh: 0 });
  const socket = await load.one(load.kept, true, null);
  const idle = await load.one(load.kept, true, null);
  assert.ok(socket && idle, load.failures.join());
  const old = await gateway.upgrade();
  const id = (await gateway.client.get('/v1/keys', { agent: false })).json.items?.find((one) => one.tenant === 'upgradetenant')?.id
    ?? (await gateway.client.get('/v1/keys', { agent: false })).json.find((one) => one.tenant === 'upgradetenant').id;
  assert.equal((await gateway.client.request('DELETE', `/v1/keys/${id}`, { agent: false })).status, 204);
  await sleep(250);
  assert.ok(runs(old));
  await load.one(load.kept, true, socket);
  assert.match(load.failures.join(), /401/);
  idle.destroy();
  await gateway.ended(old);
  await gateway.stop();
});

test('a program that does not start leaves the old one serving; a second upgrade waits for the first', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'switchyard-upgrade-'));
  const link = path.join(dir, 'switchyard');
  symlinkSync(program(), link);
  const was = process.env.SWITCHYARD_BIN;
  process.env.SWITCHYARD_BIN = link;
  const gateway = await Gateway.start(setup).finally(() => { process.env.SWITCHYARD_BIN = was ?? ''; if (was === undefined) delete process.env.SWITCHYARD_BIN; });
  const load = new Load({ port: gateway.port, key: setup.key, body: echo }).start();
  unlinkSync(link);
  await gateway.signal('SIGUSR2', /"event":"upgrade_refused"/g);
  writeFileSync(link, '#!/bin/sh\nexit 3\n');
  chmodSync(link, 0o755);
  await gateway.signal('SIGUSR2', /"event":"upgrade_refused"/g);
  assert.match(gateway.stderr, /this process goes on serving: the new process ended/);
  unlinkSync(link);
  symlinkSync(program(), link);
  // What it reads is broken: it says so and ends.
  setup.writePolicy('version: 2\n');
  await gateway.signal('SIGUSR2', /"event":"upgrade_refused"/g);
  setup.writePolicy(openPolicy);
  const idle = await load.one({ calls: 0, failed: 0 }, true, null);
  const old = await gateway.upgrade();
  await gateway.signal('SIGUSR2', /the process before this one still answers/g);
  idle.destroy();
  await gateway.ended(old);
  await load.stop();
  assert.deepEqual(load.failures, []);
  const keyed = () => gateway.client.execute(write, { headers: { 'idempotency-key': 'after-refusals' } });
  const [one, two] = [await keyed(), await keyed()];
  assert.equal(one.json.id, two.json.id);
  await gateway.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('kill -9 of the old process while it drains: its calls are rows of unknown outcome, the new one goes on', async () => {
  const gateway = await Gateway.start(setup);
  await gateway.client.execute(write);
  await setup.sandbox.fault({ vendor: 'composio', path: '*/execute/*', count: 0, fault: { delay_ms: 20000 } });
  const before = (await setup.sandbox.counts()).composio.total;
  const cut = inParallel([0, 1, 2, 3], 4, (i) => gateway.client.execute({ ...write, arguments: { cut: i } }, { agent: false, headers: { 'idempotency-key': `cut-${i}` } }).catch((error) => error.code));
  await eventually('all are at the vendor', async () => (await setup.sandbox.counts()).composio.total - before >= 4, 20000);
  const old = await gateway.upgrade();
  const running = runs(old);
  process.kill(old, 'SIGKILL');
  await cut;
  assert.ok(running);
  await setup.sandbox.clearFaults();
  await eventually('the new process says so', () => /the process before ended with 4 calls in flight/.test(gateway.stderr), 10000);
  const rows = [...(await rowsOf(gateway.client)).values()].filter((row) => row.outcome === 'unknown');
  assert.equal(rows.length, 4);
  const again = await gateway.client.execute({ ...write, arguments: { cut: 2 } }, { headers: { 'idempotency-key': 'cut-2' } });
  assert.deepEqual([again.status, again.json.code], [409, 'outcome_unknown'], again.body.toString());
  assert.equal((await setup.sandbox.counts()).composio.total - before, 4);
  await gateway.stop();
});

// Prints what a service manager is told, one line a message.
const listener = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True: print(s.recv(4096).decode().replace("\\n", " "), flush=True)`;

test('socket activation: LISTEN_FDS is taken; a service manager hears of readiness, reloads, the new process and the end', async (t) => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const notify = path.join(setup.dir, 'notify');
  t.after(() => server.close());
  const manager = spawn('python3', ['-c', listener, notify], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => manager.kill());
  let said = '';
  manager.stdout.on('data', (chunk) => { said += chunk; });
  await eventually('the manager listens', () => said.startsWith('bound'));
  // The shell becomes the program, so that LISTEN_PID is its own.
  const child = spawn('sh', ['-c', 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" serve --config "$1"', program(), setup.file], {
    env: { ...process.env, ...setup.env, NOTIFY_SOCKET: notify }, stdio: ['ignore', 'pipe', 'pipe', server._handle],
  });
  let out = '';
  child.stdout.on('data', (chunk) => { out += chunk; });
  child.stderr.on('data', (chunk) => { out += chunk; });
  const tells = (text) => eventually(`${text}\n${said}\n${out}`, () => said.includes(text), 60000);
  await tells(`READY=1 MAINPID=${child.pid}`);
  assert.match(out, new RegExp(`listens on http://127.0.0.1:${port} `));
  server.close();
  assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`, { headers: { connection: 'close' } })).status, 200);
  child.kill('SIGHUP');
  await tells('RELOADING=1 MONOTONIC_USEC=');
  child.kill('SIGUSR2');
  const [code] = await once(child, 'exit');
  assert.equal(code, 0, out);
  const next = Number(/process (\d+) serves now/.exec(out)[1]);
  await tells(`READY=1 MAINPID=${next}`);
  assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`, { headers: { connection: 'close' } })).status, 200);
  process.kill(next, 'SIGTERM');
  await tells('STOPPING=1');
  await eventually('it has ended', () => !runs(next), 60000);
});
