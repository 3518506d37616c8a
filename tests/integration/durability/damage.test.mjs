// A disk that forgets: bits of a journal change while no gateway runs. The start keeps every record
// but the damaged one, says what it found in the log and a metric, and `check` says it beforehand.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { report } from '../report.mjs';
import { Worker } from './load.mjs';
import { World, errno, op, place, random, shim } from './world.mjs';

const HEAD = 16;
const flips = Number(process.env.SY_FLIPS ?? 24);
let worker;
let world;
before(async () => {
  worker = await Worker.start();
  world = await World.create({ rows: worker.rows() });
});
afterEach(() => world.sweep());
after(async () => {
  await world.end();
  worker.stop();
});

// The offsets of a journal's records; the file is little-endian, length first.
function recordsOf(bytes) {
  const at = [];
  for (let from = HEAD; from + 25 <= bytes.length;) {
    const length = bytes.readUInt32LE(from);
    if (length < 25 || from + length > bytes.length) break;
    at.push([from, from + length]);
    from += length;
  }
  return at;
}

test(`${flips} changed bits in journals: one record each at most, told by check, log and metric, and none taken for another`, { skip: shim ? false : 'sy-storage.so is not built' }, async () => {
  const chance = random(3);
  const gateway = await world.serve({ disk: true });
  // Nothing comes into the store: the rows live in the journals alone.
  world.control.fail(op.write, place.database | place.log, errno.ENOSPC);
  const said = new Map();
  for (let i = 0; i < 24; i++) {
    const reply = await gateway.client.execute({ tool: i % 3 ? 'crash_write' : 'crash_read', arguments: { mark: `f${i}`, end: i % 5 ? 'ok' : 'failed', wait: 0 } },
      { headers: i % 2 ? { 'idempotency-key': `f${i}` } : {} });
    said.set(reply.headers['x-call-id'], reply.status === 200 ? 'ok' : 'failed');
  }
  await gateway.kill();
  world.control.heal();
  const journals = `${world.store}.journal`;
  world.copy('with-journals');
  const [name] = fs.readdirSync(journals).filter((file) => recordsOf(fs.readFileSync(path.join(journals, file))).length >= 20);
  assert.ok(name, 'one connection, one loop, one journal');
  const whole = fs.readFileSync(path.join(journals, name));
  const records = recordsOf(whole);
  const end = records.at(-1)[1];
  const counts = { told: 0, silent: 0, lost: 0, unknown: 0, wrong: 0, heads: 0 };
  for (let n = 0; n < flips; n++) {
    world.restore('with-journals');
    const at = n < 4 ? n * 4 : HEAD + Math.floor(chance() * (end - HEAD));
    const bytes = Buffer.from(whole);
    bytes[at] ^= 1 << Math.floor(chance() * 8);
    fs.writeFileSync(path.join(journals, name), bytes);
    const check = await world.run(['check', '--config', world.file]);
    const next = await world.serve();
    const metrics = await next.metrics();
    const found = Number(/^switchyard_journal_damage\{kind="record"\} (\d+)/m.exec(metrics)[1])
      + Number(/^switchyard_journal_damage\{kind="torn"\} (\d+)/m.exec(metrics)[1])
      + Number(/^switchyard_journal_damage\{kind="head"\} (\d+)/m.exec(metrics)[1]);
    const last = at >= records.at(-1)[0];
    if (found) {
      counts.told++;
      assert.match(next.stderr, new RegExp(`journal_damaged.*${name}: `), `bit at ${at}`);
      assert.match(check.stdout + check.stderr, new RegExp(`ledger: ${name}: `), `bit at ${at}`);
    } else {
      counts.silent++;
      // The last record's generation, number or length: what stands there looks like an older file's.
      assert.ok(last, `a changed bit at ${at} is not told`);
    }
    counts.heads += at < HEAD ? 1 : 0;
    for (const [id, outcome] of said) {
      const row = await next.client.get(`/v1/calls/${id}`);
      if (row.status !== 200) counts.lost++;
      else if (row.json.outcome === 'unknown') counts.unknown++;
      else if (row.json.outcome !== outcome) counts.wrong++;
    }
    await next.kill();
  }
  assert.equal(counts.wrong, 0);
  assert.ok(counts.lost + counts.unknown <= flips - counts.heads, JSON.stringify(counts));
  console.log(`${flips} changed bits: ${JSON.stringify(counts)}`);
  report('durability-damage', {
    section: '5.6', title: 'Changed bits in journals',
    text: 'A gateway is killed after 24 calls; one bit of its journal is changed; the next one starts on it. The store took no row meanwhile, so that they live in the journal alone.',
    columns: ['changed bits', 'told by check, log and metric', 'not told (last record only)', 'rows lost', 'rows made unknown', 'wrong rows', 'peers'],
    rows: [[flips, counts.told, counts.silent, counts.lost, counts.unknown, counts.wrong, 'not published']],
  });
});
