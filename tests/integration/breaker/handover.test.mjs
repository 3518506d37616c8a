// A hand-over in which something goes wrong: a process that dies at the worst moment, descriptors
// that are none of ours, a configuration that has moved on.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { configured, eventually, program, sleep } from '../gateway/gateway.mjs';
import { Gateway, runs, sweep } from '../change/rig.mjs';

let setup;
before(async () => { setup = await configured(); });
after(async () => {
  if (!setup) return;
  await sweep(setup);
  await setup.stop();
});

const write = { tool: 'echo_write', vendor: 'composio', user_id: 'user_123', arguments: { v: 1 } };
const parentOf = (pid) => {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
  } catch {
    return 0;
  }
};
const childrenOf = (pid) => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((one) => parentOf(one) === pid);

// The old process is stopped as soon as it has a child, so that the child waits for its word.
async function frozenHandOver(gateway) {
  process.kill(gateway.pid, 'SIGUSR2');
  let child;
  await eventually('the new process is there', () => { [child] = childrenOf(gateway.pid); return child; }, 20000);
  process.kill(gateway.pid, 'SIGSTOP');
  return child;
}

test('kill -9 of the old process before it said go: its keys are known before the new one takes a call', async () => {
  const gateway = await Gateway.start(setup);
  await gateway.client.execute(write);
  const total = async () => (await setup.sandbox.counts()).composio.total;
  const keyed = (key) => gateway.client.execute(write, { agent: false, headers: { 'idempotency-key': key } });
  const answered = await Promise.all(Array.from({ length: 20 }, (_, i) => keyed(`answered-${i}`)));
  assert.ok(answered.every((reply) => reply.status === 200));
  await setup.sandbox.fault({ vendor: 'composio', path: '*/execute/*', count: 0, fault: { delay_ms: 3000 } });
  const before = await total();
  const cut = Array.from({ length: 20 }, (_, i) => keyed(`cut-${i}`).catch((error) => error.code));
  await eventually('all are at the vendor', async () => await total() - before >= 20, 20000);
  const old = gateway.pid;
  const child = await frozenHandOver(gateway);
  // It has its journals last but for its parts, and then waits for a word.
  await eventually('the new process has its journals', () => readdirSync(`/proc/${child}/fd`).some((fd) => {
    try { return readlinkSync(`/proc/${child}/fd/${fd}`).includes('.journal-1'); } catch { return false; }
  }), 30000);
  await sleep(500);
  await setup.sandbox.clearFaults();
  // They wait in the listener's queue until the new process accepts.
  const again = [...Array.from({ length: 20 }, (_, i) => keyed(`cut-${i}`)), ...Array.from({ length: 20 }, (_, i) => keyed(`answered-${i}`))];
  await sleep(300);
  process.kill(old, 'SIGKILL');
  gateway.pid = child;
  await Promise.all(cut);
  const replies = await Promise.all(again.map((reply) => reply.catch((error) => ({ status: error.code, json: {} }))));
  assert.equal(await total() - before, 20, 'no key ran twice');
  for (const reply of replies.slice(0, 20)) assert.equal(reply.status, 409);
  for (const [i, reply] of replies.slice(20).entries()) assert.deepEqual([reply.status, reply.json.id], [200, answered[i].json.id]);
  await eventually('it has ended', () => !runs(old), 10000);
  await gateway.stop();
});

test('a hand-over to another store is refused: the old process goes on, nobody has two stores under one lock', async () => {
  const gateway = await Gateway.start(setup);
  const text = readFileSync(setup.file, 'utf8');
  writeFileSync(setup.file, text.replace('switchyard.db', 'another.db'));
  try {
    await gateway.signal('SIGUSR2', /"event":"upgrade_refused"/g);
  } finally {
    writeFileSync(setup.file, text);
  }
  assert.match(gateway.stderr, /the process before holds another store than [^ ]*another\.db/);
  const key = { headers: { 'idempotency-key': 'other-store' } };
  const [one, two] = [await gateway.client.execute(write, key), await gateway.client.execute(write, key)];
  assert.deepEqual([one.status, two.json.id], [200, one.json.id]);
  await gateway.ended(await gateway.upgrade());
  await gateway.stop();
});

test('descriptors that cannot be listened on are refused at the start, by number', async () => {
  const file = openSync(setup.file, 'r');
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = net.connect(server.address().port, '127.0.0.1');
  await once(socket, 'connect');
  const table = [['a file', [file]], ['a connection', [socket._handle]], ['a file for admin_listen', [server._handle, file]]];
  for (const [name, fds] of table) {
    const child = spawn('sh', ['-c', `LISTEN_PID=$$ LISTEN_FDS=${fds.length} exec "$0" serve --config "$1"`, program(), setup.file], {
      env: { ...process.env, ...setup.env }, stdio: ['ignore', 'pipe', 'pipe', ...fds],
    });
    const killer = setTimeout(() => child.kill('SIGKILL'), 20000);
    let out = '';
    child.stderr.on('data', (chunk) => { out += chunk; });
    const [code] = await once(child, 'close');
    clearTimeout(killer);
    assert.equal(code, 1, `${name}: ${out}`);
    assert.match(out, new RegExp(`descriptor ${2 + fds.length} was handed over for ${fds.length > 1 ? 'admin_listen' : 'listen'}: it is not a listening TCP socket`), name);
  }
  socket.destroy();
  server.close();
  closeSync(file);
});
