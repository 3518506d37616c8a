// A file that may not grow (a full disk, a limit of the process): calls are refused, nothing dies,
// what was answered is kept, and the operator can see it.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { Client, configured, eventually, program } from '../gateway/gateway.mjs';

let world;
before(async () => { world = await configured(); });
after(() => world.stop());

// Files of the gateway may have `blocks` KiB each.
async function serveWithin(blocks) {
  const child = spawn('bash', ['-c', 'ulimit -f "$1"; shift; exec "$@"', 'bash', String(blocks), program(), 'serve', '--config', world.file],
    { env: { ...process.env, ...world.env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const seen = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => { seen.stdout += chunk; });
  child.stderr.on('data', (chunk) => { seen.stderr += chunk; });
  const exited = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  const found = await eventually('the gateway listens', () => /listens on (http:\S+)[^]*metrics at (http:\S+)\/metrics/.exec(seen.stdout), 30000);
  return {
    client: new Client(found[1], world.key),
    admin: new Client(found[2], null),
    seen,
    stop: async () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

test('a journal that may not grow refuses calls and the gauge stays up', async () => {
  const gateway = await serveWithin(2000);
  for (let i = 0; i < 5; i++) {
    const reply = await gateway.client.execute({ tool: 'echo_write', user_id: 'user_123', arguments: { i } });
    assert.equal(reply.status, 503);
    assert.equal(reply.json.cause, 'journal');
    assert.equal(reply.json.maybe_applied, false);
  }
  assert.equal((await gateway.client.get('/healthz')).status, 200);
  assert.match((await gateway.admin.get('/metrics')).body.toString(), /^switchyard_ledger_degraded 1$/m);
  assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
  assert.deepEqual((await world.sandbox.requests('vendor=composio')).filter((r) => r.target.includes('execute')), []);
});

test('a store that is full is complained about once, and every answered call is kept', async () => {
  const small = await serveWithin(9000);
  const answered = [];
  for (let i = 0; i < 20000; i++) {
    const reply = await small.client.execute({ tool: 'echo_write', user_id: 'user_123', arguments: { pad: 'x'.repeat(4000) } },
      { headers: { 'idempotency-key': `full-${i}` } });
    if (reply.status !== 200) {
      assert.equal(reply.json.code, 'overloaded');
      break;
    }
    answered.push(reply.json.id);
  }
  assert.ok(answered.length > 0);
  assert.equal((await small.stop()).signal, null);
  assert.ok(small.seen.stderr.split('\n').filter((line) => line.includes('ledger_drain')).length <= 3, small.seen.stderr.slice(0, 2000));

  const gateway = await world.serve();
  const kept = new Set();
  for (let cursor = ''; cursor !== null;) {
    const page = (await gateway.get(`/v1/calls?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)).json;
    page.items.forEach((row) => kept.add(row.id));
    cursor = page.next_cursor;
  }
  assert.deepEqual(answered.filter((id) => !kept.has(id)), []);
  await gateway.stop();
});
