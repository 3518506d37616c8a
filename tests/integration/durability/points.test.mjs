// Killed at every call that changes something on the disk, one after the other: what is found
// afterwards is the state before or the state after, never one between. SY_POINT_STEP takes every
// n-th of them (the first rotates with SY_SEED), for a run that must be short.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { report } from '../report.mjs';
import { Worker } from './load.mjs';
import { Sqlite, World, place, shim } from './world.mjs';

const step = Number(process.env.SY_POINT_STEP ?? 3);
const first = 1 + Number(process.env.SY_SEED ?? 0) % step;
const skip = shim ? false : 'sy-storage.so is not built';
const figures = [];
let worker;
let world;
let sqlite;
before(async () => {
  worker = await Worker.start();
  world = await World.create({ rows: worker.rows() });
  sqlite = new Sqlite();
  world.copy('clean');
});
afterEach(() => world.sweep());
after(async () => {
  await world.end();
  worker.stop();
  sqlite.end();
  report('durability-points', {
    section: '5.6', title: 'Killed at each change of the disk',
    command: step === 1 ? 'tests/long' : `tests/run (every ${step === 1 ? '' : `${step}. `}change; all of them in tests/long)`,
    text: 'A shim numbers each call that changes something below the store\'s folder (create, write, truncate, allocate, sync, link, unlink, mkdir) and kills the process at the n-th, after half of what it was about to write.',
    columns: ['while', 'changes', 'killed at', 'found as before', 'found as after', 'found between', 'peers'],
    rows: figures,
  });
});

const names = (rows) => rows.map(([name]) => name);

/**
 * Runs `work` once for the number of changes, then once a point on what `prepare` makes; `found`
 * says 'before' or 'after', or throws.
 */
async function eachPoint({ title, prepare, work, found, places = 0, from = 0 }) {
  await prepare();
  world.control.begin(0, places);
  await work();
  const changes = world.control.count;
  assert.ok(changes > from, `${title}: ${changes} changes`);
  assert.equal(await found(changes + 1), 'after', title);
  const seen = { before: 0, after: 0 };
  let points = 0;
  for (let n = from + first; n <= changes; n += step) {
    await prepare();
    world.control.begin(n, places);
    await work();
    world.control.begin();
    seen[await found(n)]++;
    points++;
  }
  figures.push([title, changes, points, seen.before, seen.after, points - seen.before - seen.after, 'not published']);
  console.log(`${title}: ${changes} changes, killed at ${points}: ${JSON.stringify(seen)}`);
  return seen;
}

const command = (...args) => world.run([...args, '--config', world.file], { disk: true });
const clean = () => world.restore('clean');

test('the first start makes a whole store or none that is taken for one', { skip }, async () => {
  let whole = null;
  await eachPoint({
    title: 'first start: schema, seed, tenant',
    prepare: () => {
      fs.rmSync(world.var, { recursive: true, force: true });
      fs.mkdirSync(world.var, { mode: 0o700 });
    },
    work: () => command('tenant', 'create', 'first'),
    found: async (n) => {
      const copy = path.join(world.copy('looked'), 'switchyard.db');
      let state = 'before';
      if (fs.existsSync(copy) && fs.statSync(copy).size + (fs.existsSync(`${copy}-wal`) ? fs.statSync(`${copy}-wal`).size : 0) > 0) {
        assert.equal(await sqlite.integrity(copy), 'ok', `at ${n}`);
        const tables = (await sqlite.ask(copy, 'SELECT count(*) FROM sqlite_schema'))[0][0];
        const [[version]] = await sqlite.ask(copy, 'PRAGMA user_version');
        assert.equal(version > 0, tables > 0, `at ${n}: half a schema`);
        if (tables && (await sqlite.ask(copy, "SELECT name FROM tenants WHERE name = 'first'")).length) state = 'after';
      }
      // And the next start completes it, whatever it found.
      const again = await world.run(['tenant', 'create', 'second', '--config', world.file]);
      assert.equal(again.code, 0, `at ${n}: ${again.stderr}`);
      const rows = await sqlite.ask(world.store, 'SELECT toolkit, vendor FROM rows ORDER BY 1, 2');
      whole ??= JSON.stringify(rows);
      assert.equal(JSON.stringify(rows), whole, `at ${n}: the seed's rows`);
      assert.ok(rows.length > 0);
      return state;
    },
  });
});

test('a registry import is there as a whole or not at all', { skip }, async () => {
  const document = path.join(world.dir, 'import.yaml');
  fs.writeFileSync(document, Array.from({ length: 30 },
    (_, i) => `- {toolkit: imported${i}, vendor: composio, vendor_slug: imported${i}, status: LIVE}\n`).join(''));
  const seen = await eachPoint({
    title: 'registry import of 30 rows',
    prepare: clean,
    work: () => command('registry', 'import', document),
    found: async (n) => {
      assert.equal(await sqlite.integrity(world.store), 'ok', `at ${n}`);
      const count = names(await sqlite.ask(world.store, "SELECT toolkit FROM rows WHERE toolkit LIKE 'imported%'")).length;
      assert.ok(count === 0 || count === 30, `at ${n}: ${count} rows`);
      return count ? 'after' : 'before';
    },
  });
  assert.ok(seen.before);
});

test('a backup is there as a whole or not at all, and the store stays as it was', { skip }, async () => {
  const file = path.join(world.var, 'copy.db');
  clean();
  const rows = JSON.stringify(await sqlite.ask(world.store, 'SELECT * FROM rows ORDER BY 1, 2'));
  const seen = await eachPoint({
    title: 'backup',
    prepare: clean,
    work: () => command('backup', file),
    found: async (n) => {
      assert.equal(JSON.stringify(await sqlite.ask(world.store, 'SELECT * FROM rows ORDER BY 1, 2')), rows, `at ${n}`);
      if (!fs.existsSync(file)) return 'before';
      assert.equal(await sqlite.integrity(file), 'ok', `at ${n}`);
      assert.equal(JSON.stringify(await sqlite.ask(file, 'SELECT * FROM rows ORDER BY 1, 2')), rows, `at ${n}`);
      return 'after';
    },
  });
  assert.ok(seen.before);
});

// Calls one after the other until the gateway is killed; the next gateway knows each of them.
async function callsUntilKilled(gateway, calls) {
  const answered = [];
  for (const call of calls) {
    const reply = await gateway.client.execute({ tool: 'crash_write', arguments: call },
      { headers: { 'idempotency-key': call.mark } }).catch(() => null);
    if (!reply) break;
    assert.equal(reply.status, 200, reply.body.toString());
    answered.push({ call, reply });
  }
  return answered;
}

async function checkCalls(n, calls, answered) {
  const gateway = await world.serve();
  for (const { call, reply } of answered) {
    const row = await gateway.client.get(`/v1/calls/${reply.headers['x-call-id']}`);
    assert.deepEqual([row.status, row.json.outcome], [200, 'ok'], `at ${n}: ${call.mark}`);
  }
  const last = calls[answered.length];
  if (last) {
    const sent = worker.seen.get(last.mark) ?? [];
    const again = await gateway.client.execute({ tool: 'crash_write', arguments: last }, { headers: { 'idempotency-key': last.mark } });
    if (sent.length) {
      const { outcome } = (await gateway.client.get(`/v1/calls/${sent[0]}`)).json;
      assert.ok(outcome === 'unknown' ? again.json.code === 'outcome_unknown' : again.headers['idempotency-replayed'] === 'true', `at ${n}: ${again.body}`);
      assert.equal(worker.seen.get(last.mark).length, 1, `at ${n}: sent again`);
    }
  }
  await gateway.kill();
  for (const call of calls) worker.seen.delete(call.mark);
  return answered.length === calls.length ? 'after' : 'before';
}

async function eachPointOfCalls({ title, calls, places, from }) {
  let answered;
  let turned = false;
  let run = 0;
  const named = () => calls.map((call) => ({ ...call, mark: `${call.mark}-${run}` }));
  await eachPoint({
    title,
    places,
    from,
    prepare: () => {
      clean();
      run++;
    },
    work: async () => {
      const gateway = await world.serve({ disk: true }).catch(() => null);
      answered = gateway ? await callsUntilKilled(gateway, named()) : [];
      // What has been answered drains a moment later, and dies there if the point is not reached yet.
      if (gateway) await Promise.race([gateway.exited, new Promise((resolve) => { setTimeout(resolve, 80); })]);
      await world.sweep();
      const journals = `${world.store}.journal`;
      if (fs.existsSync(journals)) turned ||= fs.readdirSync(journals).some((name) => name.endsWith('b') && fs.statSync(path.join(journals, name)).size > 4096);
    },
    found: (n) => checkCalls(n, named(), answered),
  });
  return turned;
}

test('a call and its way into the store: each answered one has its row, the one cut off is not sent again', { skip }, async () => {
  await eachPointOfCalls({ title: 'start, four calls, ledger drain', calls: ['a', 'b', 'c', 'd'].map((mark) => ({ mark: `drain-${mark}`, end: 'ok', wait: 0 })) });
});

test('a journal that begins a new generation takes no call with it', { skip }, async () => {
  // Answers are kept under a key: 12 of 900 KB go past the 8 MiB at which a loop changes files.
  const calls = Array.from({ length: 12 }, (_, i) => ({ mark: `turn-${i}`, end: 'ok', wait: 0, size: 900000 }));
  const turned = await eachPointOfCalls({ title: 'twelve calls of 900 KB, change of the journal', calls, places: place.journal });
  assert.ok(turned, 'no journal changed: nothing was tried');
});
