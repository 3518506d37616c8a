// A disk that is full, read-only, failing or locked under a running gateway: what callers and
// operators see is what docs/operations.md says, nothing answered is lost, and everything works
// again when the disk does, without a restart.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { eventually, sleep } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';
import { Worker } from './load.mjs';
import { Sqlite, World, errno, op, place, shim } from './world.mjs';

const skip = shim ? false : 'sy-storage.so is not built';
const figures = [];
const worlds = {};
let worker;
let mark = 0;
before(async () => {
  worker = await Worker.start();
  worlds.process = await World.create({ rows: worker.rows() });
  worlds.power = await World.create({ rows: worker.rows(), durability: 'power' });
});
afterEach(() => Promise.all(Object.values(worlds).map((world) => world.sweep())));
after(async () => {
  for (const world of Object.values(worlds)) await world.end();
  worker.stop();
  report('durability-disk', {
    section: '5.6', title: 'A disk that fails under a running gateway',
    text: 'The shim fails every call of a kind on a kind of file while calls and registry writes go on, then stops failing them. "Refused" is a typed answer before anything was sent; "withheld" a typed answer with maybe_applied true instead of a result that may leave no row.',
    columns: ['disk', 'durability', 'calls meanwhile', 'registry writes meanwhile', 'answered without row', 'registry writes lost', 'back without a restart', 'peers'],
    rows: figures,
  });
});

const write = (client) => {
  const body = { tool: 'crash_write', arguments: { mark: `d${++mark}`, end: 'ok', wait: 0 } };
  return client.execute(body).then((reply) => Object.assign(reply, { mark: body.arguments.mark }));
};
const put = async (client, note) => {
  const now = await client.get('/v1/registry/toolkits/disk');
  return client.request('PUT', '/v1/registry/toolkits/disk', {
    body: [{ toolkit: 'disk', vendor: 'composio', vendor_slug: 'disk', status: 'LIVE', notes: note }],
    headers: now.status === 200 ? { 'if-match': now.headers.etag } : { 'if-none-match': '*' },
  });
};

// What a call may say while the disk fails; `said` counts.
function judge(reply, said) {
  if (reply.status === 200) {
    said.answered.push(reply.headers['x-call-id']);
    return;
  }
  assert.deepEqual([reply.status, reply.json.code, reply.json.cause], [503, 'overloaded', 'journal'], reply.body.toString());
  assert.ok(reply.headers['retry-after']);
  const sent = worker.seen.has(reply.mark);
  assert.equal(reply.json.maybe_applied, sent, `${reply.mark}: sent ${sent}, ${reply.body}`);
  said[sent ? 'withheld' : 'refused']++;
}

const table = [
  { title: 'full (ENOSPC), all files', durability: 'process', ops: op.write | op.allocate | op.create, places: place.all, number: errno.ENOSPC, registry: 'refused', calls: ['refused'], degraded: true },
  { title: 'full, the store alone', durability: 'process', ops: op.write, places: place.database | place.log, number: errno.ENOSPC, registry: 'refused', calls: ['answered'] },
  { title: 'read-only (EROFS)', durability: 'process', ops: op.write | op.allocate | op.create | op.truncate, places: place.all, number: errno.EROFS, registry: 'refused', calls: ['refused'], degraded: true },
  { title: 'EIO at write', durability: 'process', ops: op.write, places: place.all, number: errno.EIO, registry: 'refused', calls: ['refused'], degraded: true },
  { title: 'EIO at fsync', durability: 'process', ops: op.sync, places: place.all, number: errno.EIO, registry: 'refused', calls: ['answered'] },
  { title: 'EIO at fsync', durability: 'power', ops: op.sync, places: place.all, number: errno.EIO, registry: 'refused', calls: ['refused'] },
  { title: 'full (ENOSPC), all files', durability: 'power', ops: op.write | op.allocate | op.create, places: place.all, number: errno.ENOSPC, registry: 'refused', calls: ['refused'], degraded: true },
  { title: 'full, the store alone', durability: 'power', ops: op.write, places: place.database | place.log, number: errno.ENOSPC, registry: 'refused', calls: ['refused'] },
];

for (const row of table) {
  test(`${row.title} under durability: ${row.durability}: ${row.calls} calls, ${row.registry} registry writes, and back`, { skip }, async () => {
    const world = worlds[row.durability];
    const said = { answered: [], refused: 0, withheld: 0 };
    let gateway = await world.serve({ disk: true });
    for (let i = 0; i < 4; i++) judge(await write(gateway.client), said);
    assert.equal(said.answered.length, 4);
    assert.ok((await put(gateway.client, 'before')).status < 300);

    world.control.fail(row.ops, row.places, row.number);
    for (let i = 0; i < 12; i++) {
      judge(await write(gateway.client), said);
      await sleep(10);
    }
    const refused = await put(gateway.client, 'meanwhile');
    assert.deepEqual([refused.status, refused.json.code, refused.json.cause], [503, 'overloaded', 'store'], refused.body.toString());
    assert.ok(world.control.failed > 0, 'nothing failed');
    assert.equal((await gateway.client.get('/healthz')).status, 200);
    assert.equal((await gateway.client.get('/v1/registry/toolkits/disk')).json.items?.[0]?.notes ?? /before/.exec((await gateway.client.get('/v1/registry/toolkits/disk')).body)[0], 'before');
    if (row.degraded) {
      assert.match(await gateway.metrics(), /^switchyard_ledger_degraded 1$/m);
      assert.equal((await gateway.client.get('/readyz')).status, 503);
    }
    for (const what of row.calls) assert.ok(what === 'answered' ? said.answered.length > 4 : said[what] > 0, JSON.stringify({ ...said, answered: said.answered.length }));
    if (row.calls[0] !== 'answered') assert.equal(said.answered.length, 4, 'answered while nothing can be kept');

    world.control.heal();
    await eventually('calls are taken again', async () => {
      const reply = await write(gateway.client);
      judge(reply, said);
      return reply.status === 200;
    }, 4000);
    await eventually('it is ready', async () => (await gateway.client.get('/readyz')).status === 200, 4000);
    assert.match(await gateway.metrics(), /^switchyard_ledger_degraded 0$/m);
    const back = await put(gateway.client, 'after');
    assert.ok(back.status < 300, back.body.toString());
    await eventually('the rows have come into the store', async () => {
      const kept = await Promise.all(said.answered.map(async (id) => (await gateway.client.get(`/v1/calls/${id}`)).status));
      return kept.every((status) => status === 200);
    });
    assert.ok(gateway.stderr.split('\n').filter((line) => line.includes('ledger_drain')).length <= 4, 'a line a try');
    await gateway.kill();

    gateway = await world.serve();
    let lost = 0;
    for (const id of said.answered) if ((await gateway.client.get(`/v1/calls/${id}`)).json?.outcome !== 'ok') lost++;
    assert.equal(lost, 0);
    const written = (await gateway.client.get('/v1/registry/toolkits/disk')).body.toString();
    const writesLost = written.includes('"after"') ? 0 : 1;
    assert.equal(writesLost, 0, written);
    assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
    figures.push([row.title, row.durability, `${said.answered.length - 5} answered, ${said.refused} refused, ${said.withheld} withheld`, 'refused', lost, writesLost, 'yes', 'not published']);
  });
}

// The audit comes before the answer: a call that was sent and whose row cannot be written is not
// answered as if it could.
const late = [
  { onFailure: 'refuse', tool: 'crash_write', status: 503, maybe: true },
  { onFailure: 'refuse', tool: 'crash_read', status: 503, maybe: false },
  { onFailure: 'mark', tool: 'crash_write', status: 200 },
  { onFailure: 'mark', tool: 'crash_read', status: 200 },
];
for (const { onFailure, tool, status, maybe } of late) {
  test(`ledger.on_failure: ${onFailure}: a ${tool} whose outcome cannot be written ${status === 503 ? 'is withheld' : 'is answered, as calls that begin then are, with a warning'}`, { skip }, async () => {
    const world = worlds[onFailure] ??= await World.create({ rows: worker.rows(), onFailure });
    const gateway = await world.serve({ disk: true });
    const name = `late${++mark}`;
    const body = { tool, arguments: { mark: name, end: 'ok', wait: 300 } };
    const headers = { 'idempotency-key': name };
    const flying = gateway.client.execute(body, { headers });
    await eventually('it is sent', () => worker.seen.has(name));
    world.control.fail(op.write | op.allocate, place.all, errno.EIO);
    const reply = await flying;
    assert.equal(reply.status, status, reply.body.toString());
    if (status === 503) {
      assert.deepEqual([reply.json.code, reply.json.cause, reply.json.maybe_applied], ['overloaded', 'journal', maybe]);
      assert.doesNotMatch(reply.body.toString(), new RegExp(`"mark":"${name}"`), 'the result is withheld');
    } else {
      const marked = await gateway.client.execute({ tool, arguments: { mark: `late${++mark}`, end: 'ok', wait: 0 } });
      assert.equal(marked.status, 200, marked.body.toString());
      assert.match(JSON.stringify(marked.json.warnings), /may leave no row/);
    }
    assert.match(await gateway.metrics(), /^switchyard_ledger_degraded 1$/m);
    world.control.heal();
    await eventually('calls are taken again', async () => (await write(gateway.client)).status === 200, 4000);
    const [id] = worker.seen.get(name);
    const row = async (client) => (await client.get(`/v1/calls/${id}`)).json;
    // A write's intent is on the disk, its outcome is not: the row says so, soon and after a start.
    if (tool === 'crash_write') await eventually('its row', async () => (await row(gateway.client)).outcome === 'unknown');
    assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
    if (tool !== 'crash_write') return;
    const next = await world.serve();
    assert.equal((await row(next.client)).outcome, 'unknown');
    const again = await next.client.execute(body, { headers });
    assert.deepEqual([again.status, again.json.code, again.json.maybe_applied], [409, 'outcome_unknown', true]);
    assert.equal(worker.seen.get(name).length, 1, 'sent again');
    await next.stop();
    figures.push([`EIO between send and outcome, on_failure: ${onFailure}`, 'process', status === 503 ? `${tool.slice(6)} withheld, maybe_applied ${maybe}` : `${tool.slice(6)} answered, then marked`, 'not tried', 'its row says unknown', 'not tried', 'yes', 'not published']);
  });
}

test('a store that another process locks refuses writes after its patience, and calls go on', async () => {
  const world = worlds.process;
  const gateway = await world.serve();
  const sqlite = new Sqlite();
  await sqlite.request({ path: world.store, sql: ['BEGIN EXCLUSIVE'], keep: true });
  const said = { answered: [], refused: 0, withheld: 0 };
  const refused = put(gateway.client, 'locked');
  for (let i = 0; i < 10; i++) judge(await write(gateway.client), said);
  assert.equal(said.answered.length, 10, 'calls need no store');
  assert.deepEqual([(await refused).status, (await refused).json.cause], [503, 'store']);
  sqlite.end();
  await eventually('the store takes writes again', async () => (await put(gateway.client, 'unlocked')).status < 300, 8000);
  let kept = 0;
  await eventually('the rows have come into the store', async () => {
    const rows = await Promise.all(said.answered.map(async (id) => (await gateway.client.get(`/v1/calls/${id}`)).status));
    kept = rows.filter((status) => status === 200).length;
    return kept === said.answered.length;
  });
  assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
  figures.push(['locked by another process for longer than 2 s', 'process', '10 answered', 'refused', 10 - kept, 'not tried', 'yes', 'not published']);
});
