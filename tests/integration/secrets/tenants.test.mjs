// A hundred tenants over the same few connections: what goes out is always the caller's own user, and
// what comes back is the answer to the caller's own question.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { configured, inParallel } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';

const calls = Number(process.env.SY_MIXED_CALLS ?? 30000);
const tenants = 100;
let setup;
let gateway;
let clients;
const sockets = new Map(); // connection of ours to the vendor → tenants seen on it

// Says whom it was asked for, late or early, so that answers come in another order than questions.
const vendor = http.createServer((request, reply) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const asked = JSON.parse(Buffer.concat(chunks));
    if (!sockets.has(request.socket)) sockets.set(request.socket, new Set());
    sockets.get(request.socket).add(asked.user_id.split(':')[0]);
    const answer = () => {
      reply.writeHead(200, { 'content-type': 'application/json' });
      reply.end(JSON.stringify({ data: { user: asked.user_id, n: asked.arguments.n }, error: null, successful: true, log_id: 'log_1' }));
    };
    if (asked.arguments.n % 7 === 0) setTimeout(answer, asked.arguments.n % 5); else answer();
  });
});

before(async () => {
  await new Promise((resolve) => vendor.listen(0, '127.0.0.1', resolve));
  setup = await configured({
    prepare: ({ file, sandbox }) => writeFileSync(file, readFileSync(file, 'utf8').replace(sandbox.composio_url, `http://127.0.0.1:${vendor.address().port}`)),
  });
  gateway = await setup.serve();
  clients = await inParallel(Array.from({ length: tenants }), 4, (_, i) => gateway.makeKey(`tenant${i}`));
});
after(async () => {
  await gateway.stop();
  await setup.stop();
  vendor.closeAllConnections();
  vendor.close();
});

test('no call is made for another tenant’s user, and no answer goes to another tenant', { timeout: 3600000 }, async () => {
  let wrong = 0;
  await inParallel(Array.from({ length: calls }), 64, async (_, n) => {
    const at = (n * 7919) % tenants;
    const user = `user${n % 13}`;
    const reply = await clients[at].execute({ tool: 'echo_echo', vendor: 'composio', user_id: user, arguments: { n } });
    assert.equal(reply.status, 200, reply.body.toString());
    const { data } = reply.json;
    if (data.user !== `tenant${at}:${user}` || data.n !== n) wrong++;
  });
  const shared = [...sockets.values()].filter((seen) => seen.size > 1).length;
  assert.ok(shared > 0, 'connections were shared by tenants: else this shows nothing');
  assert.equal(wrong, 0);
  report('tenants', {
    section: 'egress',
    title: 'Tenants over shared connections',
    command: 'tests/run --only secrets',
    text: `Calls of ${tenants} tenants, 13 users each, mixed over ${sockets.size} kept connections that each carried up to `
      + `${Math.max(...[...sockets.values()].map((seen) => seen.size))} tenants; the vendor answers out of order and says whom it was asked for.`,
    columns: ['calls', 'asked for another user, or answered to another caller'],
    rows: [[calls, wrong]],
  });
});
