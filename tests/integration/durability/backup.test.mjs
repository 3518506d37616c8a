// `switchyard backup`: a copy while the gateway works, equal to one moment of the store, restored by
// putting it in the store's place.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { sleep } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';
import { Load, Worker } from './load.mjs';
import { Sqlite, World, errno, op, place, random, shim } from './world.mjs';

let worker;
let world;
let sqlite;
const figures = [];
before(async () => {
  worker = await Worker.start();
  world = await World.create({ rows: worker.rows() });
  sqlite = new Sqlite();
});
afterEach(() => world.sweep());
after(async () => {
  await world.end();
  worker.stop();
  sqlite.end();
  report('durability-backup', {
    section: '5.6', title: 'Backup of a store that is in use',
    text: '`switchyard backup` runs while calls, registry, tenant and key writes go on, or while another process writes; the copy is put in the place of the store and a gateway started on it.',
    columns: ['what', 'ours', 'pass figure', 'peers'],
    rows: figures,
  });
});

const backup = (file, options) => world.run(['backup', file, '--config', world.file, '--output', 'json'], options);

// Puts `file` where the store is, as docs/operations.md says.
function restore(file) {
  fs.rmSync(world.var, { recursive: true, force: true });
  fs.mkdirSync(world.var, { mode: 0o700 });
  fs.copyFileSync(file, world.store);
}

async function everything(client) {
  const all = createHash('sha256');
  const pages = async (target) => {
    const items = [];
    for (let cursor = ''; cursor !== null;) {
      const page = (await client.get(`${target}?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)).json;
      items.push(...page.items);
      cursor = page.next_cursor ?? null;
    }
    return JSON.stringify(items);
  };
  all.update((await client.get('/v1/registry/export?format=json')).body);
  for (const target of ['/v1/calls', '/v1/keys', '/v1/tenants']) all.update(await pages(target));
  return all.digest('hex');
}

test('a backup under load holds all that was answered when it began, and the registry of one moment', async () => {
  const load = new Load(worker, random(7));
  let gateway = await world.serve();
  const copies = [];
  // One writer beside the load, whose n-th write is known: a copy must hold a prefix of them.
  const steps = { done: 0, begun: 0, over: false };
  const stepper = async () => {
    for (let etag = null; !steps.over;) {
      steps.begun++;
      const reply = await gateway.client.request('PUT', '/v1/registry/toolkits/steps', {
        body: [{ toolkit: 'steps', vendor: 'composio', vendor_slug: 'steps', status: 'LIVE', notes: `step ${steps.begun}` }],
        headers: etag ? { 'if-match': etag } : { 'if-none-match': '*' },
      });
      assert.ok(reply.status < 300, reply.body.toString());
      etag = reply.headers.etag;
      steps.done = steps.begun;
    }
  };
  const stepping = stepper();
  await load.run(gateway.client, 8, async () => {
    for (let i = 0; i < 6; i++) {
      await sleep(150);
      const answered = load.calls.filter((call) => call.reply);
      const copy = {
        file: path.join(world.dir, `copy-${i}.db`), answered, keys: load.keys.filter((key) => !key.revoking),
        revoked: load.keys.filter((key) => key.revoked), tenants: [...load.tenants], from: steps.done,
      };
      const done = await backup(copy.file);
      assert.equal(done.code, 0, done.stderr);
      Object.assign(copy, JSON.parse(done.stdout), { to: steps.begun });
      copies.push(copy);
    }
    load.over = true;
    steps.over = true;
    await stepping;
    await sleep(200);
    await gateway.stop();
  });
  const last = world.copy('last');
  let checked = 0;
  for (const copy of copies) {
    assert.equal(fs.statSync(copy.file).mode & 0o777, 0o600);
    assert.equal(await sqlite.integrity(copy.file), 'ok');
    restore(copy.file);
    gateway = await world.serve();
    for (const call of copy.answered) {
      const row = (await gateway.client.get(`/v1/calls/${call.reply.headers['x-call-id']}`));
      assert.equal(row.status, 200, `${call.mark} was answered before the backup began`);
      assert.equal(row.json.outcome, call.reply.status === 200 ? 'ok' : 'failed');
      checked++;
    }
    for (const tenant of copy.tenants) assert.equal((await gateway.client.get(`/v1/tenants/${tenant}`)).status, 200);
    for (const key of copy.revoked) assert.equal((await gateway.client.withKey(key.secret).get('/v1/calls?limit=1')).status, 401);
    // Exactly the writes up to one of them: the toolkit's history has each of them once.
    const step = Number(/step (\d+)/.exec((await gateway.client.get('/v1/registry/toolkits/steps')).body.toString())[1]);
    assert.ok(step >= copy.from && step <= copy.to, `${copy.from} <= ${step} <= ${copy.to}`);
    const [[count]] = await sqlite.ask(copy.file, "SELECT count(*) FROM history WHERE toolkit = 'steps'");
    assert.equal(count, step);
    assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
  }
  world.restore(path.basename(last));
  figures.push(['answered calls checked in 6 copies under load, missing', `${checked}, 0`, '0', 'not published']);
});

test('of a gateway at rest, and of a stopped one, the restored copy is equal by hash', async () => {
  let gateway = await world.serve();
  await sleep(60);
  const before = await everything(gateway.client);
  const running = path.join(world.dir, 'running.db');
  assert.equal((await backup(running)).code, 0);
  assert.equal(await everything(gateway.client), before);
  await gateway.stop();
  const stopped = path.join(world.dir, 'stopped.db');
  assert.equal((await backup(stopped)).code, 0);
  for (const file of [running, stopped]) {
    restore(file);
    gateway = await world.serve();
    assert.equal(await everything(gateway.client), before);
    await gateway.stop();
  }
  figures.push(['registry, calls, keys and tenants of the restored copy', 'equal by hash', 'equal by hash', 'not published']);
});

test('what only the journals of a killed gateway hold is in the copy, and a call on its way is unknown', async () => {
  const gateway = await world.serve();
  const answered = await gateway.client.execute({ tool: 'crash_write', arguments: { mark: 'before', end: 'ok', wait: 0 } });
  const call = { mark: 'hanging', end: 'ok', wait: 5000, key: 'k-hanging' };
  const hung = new Load(worker, random(1)).send(gateway.client, call).catch(() => null);
  while (!worker.seen.has('hanging')) await sleep(5);
  const file = path.join(world.dir, 'journals.db');
  await gateway.kill();
  await hung;
  const done = await backup(file);
  assert.deepEqual([done.code, JSON.parse(done.stdout).calls_unknown], [0, 1]);
  restore(file);
  const next = await world.serve();
  assert.equal((await next.client.get(`/v1/calls/${answered.headers['x-call-id']}`)).json.outcome, 'ok');
  assert.equal((await next.client.get(`/v1/calls/${worker.seen.get('hanging')[0]}`)).json.outcome, 'unknown');
  const again = await new Load(worker, random(1)).send(next.client, call);
  assert.deepEqual([again.status, again.json.code], [409, 'outcome_unknown']);
  assert.equal(worker.seen.get('hanging').length, 1);
  await next.stop();
});

test('a store of 100 MB is copied while another process writes', async () => {
  const gateway = await world.serve();
  await sqlite.ask(world.store, 'PRAGMA busy_timeout = 5000', 'CREATE TABLE filler (id INTEGER PRIMARY KEY, bytes BLOB)',
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO filler (bytes) SELECT randomblob(1000000) FROM n');
  const other = new Sqlite();
  let writing = true;
  const writer = (async () => {
    let writes = 0;
    for (; writing; writes++) await other.ask(world.store, "INSERT INTO filler (bytes) VALUES (randomblob(100))");
    return writes;
  })();
  const file = path.join(world.dir, 'large.db');
  const done = await backup(file);
  writing = false;
  const writes = await writer;
  other.end();
  assert.equal(done.code, 0, done.stderr);
  const told = JSON.parse(done.stdout);
  assert.ok(told.bytes > 100e6);
  assert.ok(writes > 0);
  assert.equal(await sqlite.integrity(file), 'ok');
  await gateway.stop();
  await sqlite.ask(world.store, 'DROP TABLE filler', 'VACUUM');
  figures.push([`${Math.round(told.bytes / 1e6)} MB while another process writes`, `${told.took_ms} ms`, '1,000 ms for 100 MB', 'not published']);
  console.log(`backup of ${told.bytes} bytes: ${told.took_ms} ms, ${writes} writes of another process meanwhile`);
});

test('a backup overwrites nothing, and one that fails leaves nothing', { skip: shim ? false : 'sy-storage.so is not built' }, async () => {
  const folder = path.join(world.var, 'copies');
  fs.mkdirSync(folder);
  const there = path.join(folder, 'there.db');
  fs.writeFileSync(there, 'mine');
  assert.equal((await backup(there)).code, 1);
  assert.equal(fs.readFileSync(there, 'utf8'), 'mine');
  const table = [['a full disk', op.write, errno.ENOSPC, /full|No space/], ['a disk that fails', op.write, errno.EIO, /I\/O|error/],
    ['a sync that fails', op.sync, errno.EIO, /error|I\/O/], ['a read-only folder', op.create, errno.EROFS, /Read-only/]];
  for (const [what, ops, number, says] of table) {
    world.control.begin();
    world.control.fail(ops, place.database, number);
    const done = await backup(path.join(folder, 'new.db'), { disk: true });
    world.control.heal();
    assert.equal(done.code, 1, what);
    assert.match(done.stderr, says, what);
    assert.deepEqual(fs.readdirSync(folder), ['there.db'], what);
  }
  assert.equal((await backup(path.join(world.dir, 'no/such/folder.db'))).code, 1);
  assert.equal((await backup(path.join(folder, 'new.db'))).code, 0);
  fs.rmSync(folder, { recursive: true });
});
