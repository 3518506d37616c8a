// A gateway under load is killed at random points, hundreds of times on one folder; then the same
// with the power cut. SY_KILLS and SY_POWER_CUTS raise the counts for a long run.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { sleep } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';
import { Load, Worker } from './load.mjs';
import { Sqlite, World, random, shim } from './world.mjs';

const kills = Number(process.env.SY_KILLS ?? 300);
const cuts = Number(process.env.SY_POWER_CUTS ?? 60);
const seed = Number(process.env.SY_SEED ?? 20261121);
const figures = [];

let worker;
let sqlite;
before(async () => {
  worker = await Worker.start();
  sqlite = new Sqlite();
});
after(() => {
  worker.stop();
  sqlite.end();
  report('durability-crash', {
    section: '5.6', title: 'Kills and power cuts under load',
    text: 'One gateway with two threads under calls (reads, writes, writes with an idempotency key, to a worker that remembers what it saw), registry, tenant and key writes. At a random moment the process is killed, or killed and its folder brought back to what had been synced (and in every other cut a random half of the unsynced pages and names besides). The next gateway starts on what is left and every answer of the last one is held against it. The control runs must lose rows: they show that the cut cuts.',
    columns: ['run', 'points', 'answered calls', 'without their row', 'acknowledged registry, key and tenant writes', 'lost', 'cut off after the send: reported unknown', 'sent again', 'stores not ok', 'start: fastest tenth, half, all within (ms)', 'peers'],
    rows: figures,
  });
});

const percentile = (list, part) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * part))];

async function twice(client) {
  const seen = new Set();
  let count = 0;
  for (let cursor = ''; cursor !== null;) {
    const page = (await client.get(`/v1/calls?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)).json;
    page.items.forEach((row) => seen.add(row.id));
    count += page.items.length;
    cursor = page.next_cursor;
  }
  return count - seen.size;
}

// A gateway after the other on one folder; what was lost in all.
async function rounds({ title, points, durability, power = false, ledger = true, width = power ? 16 : 8 }) {
  const chance = random(seed);
  const world = await World.create({ durability, rows: worker.rows() });
  const load = new Load(worker, chance);
  const total = { rows: 0, writes: 0, damaged: 0, lossy: 0 };
  try {
    let gateway = await world.serve({ image: power });
    for (let point = 0; point < points; point++) {
      await load.run(gateway.client, width, async () => {
        await sleep(10 + Math.floor(chance() * (power ? 180 : 90)));
        await gateway.kill();
      });
      world.agent.destroy();
      if (power) world.cutPower(point % 2 ? () => chance() < 0.5 : null);
      const copy = world.copy('checked');
      const opinion = sqlite.integrity(path.join(copy, 'switchyard.db'));
      gateway = await world.serve({ image: power });
      if (await opinion !== 'ok') total.damaged++;
      const lost = await load.check(gateway.client, { ledger });
      total.rows += lost.rows;
      total.writes += lost.writes;
      total.lossy += lost.rows ? 1 : 0;
      if (!power) assert.doesNotMatch(gateway.stderr, /journal_damaged.*damaged place/, title);
    }
    assert.equal(await twice(gateway.client), 0, 'rows that stand twice in the ledger');
    assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
    figures.push([title, points, load.totals.answered, total.rows, load.totals.writes, total.writes, load.totals.unknown, load.totals.twice, total.damaged,
      [0.1, 0.5, 1].map((part) => Math.round(percentile(world.starts, part))).join(', '), 'not published']);
    console.log(`${title}: ${JSON.stringify({ points, lost_rows: total.rows, lost_writes: total.writes, damaged: total.damaged, cuts_that_lost: total.lossy, ...load.totals, start_p50: Math.round(percentile(world.starts, 0.5)), start_max: Math.round(Math.max(...world.starts)) })}`);
    assert.equal(ledger ? load.totals.twice : 0, 0, 'writes that were sent twice');
    return { ...total, totals: load.totals, starts: world.starts };
  } finally {
    await world.end();
  }
}

test(`kill -9 at ${kills} random points loses no row of an answered call, no acknowledged write, and repeats nothing`, async () => {
  const { rows, writes, damaged, totals, starts } = await rounds({ title: 'kill -9, durability: process', points: kills, durability: 'process' });
  assert.deepEqual({ rows, writes, damaged }, { rows: 0, writes: 0, damaged: 0 });
  assert.ok(totals.unknown > 0, 'no call was cut off after its send: the run shows nothing');
  // Other work on the machine slows starts; what it does not touch is under the figure.
  assert.ok(percentile(starts, 0.1) < 1000, `a start takes ${percentile(starts, 0.1)} ms`);
});

test(`a power cut at ${cuts} random points loses none of them under durability: power`, { skip: shim ? false : 'sy-storage.so is not built' }, async () => {
  const { rows, writes, damaged, totals } = await rounds({ title: 'power cut, durability: power', points: cuts, durability: 'power', power: true });
  assert.deepEqual({ rows, writes, damaged }, { rows: 0, writes: 0, damaged: 0 });
  assert.ok(totals.answered > 0);
});

test('under durability: process the same cut loses rows of answered calls, and no registry write', { skip: shim ? false : 'sy-storage.so is not built' }, async () => {
  const points = Math.max(12, Math.floor(cuts / 3));
  const { rows, writes, damaged } = await rounds({ title: 'power cut, durability: process (control)', points, durability: 'process', power: true, ledger: false });
  assert.deepEqual({ writes, damaged }, { writes: 0, damaged: 0 });
  assert.ok(rows > 0, 'the cut takes nothing: it proves nothing above');
});
