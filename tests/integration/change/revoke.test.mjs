// What is taken back is gone everywhere when its request is answered: keys, and vendors in quarantine.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { performance } from 'node:perf_hooks';
import { Client, configured, sleep } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';
import { Gateway, echo, sanitizer } from './rig.mjs';

const rounds = Number(process.env.SY_CHANGE_REVOCATIONS ?? 20);
// For a call that was let in before the answer; the thread sanitizer makes all of it several times slower.
const lateMs = sanitizer() === 'tsan' ? 1000 : 100;
let setup;
let gateway;
before(async () => {
  setup = await configured();
  gateway = await Gateway.start(setup);
});
after(async () => {
  await gateway?.stop();
  await setup.stop();
});

// Calls on many connections, so that every thread has some; when each was sent and answered.
class Hammer {
  constructor(client, body, width = 48) {
    this.client = new Client(client.url, client.key, new http.Agent({ keepAlive: true, maxSockets: width }));
    Object.assign(this, { body, width, done: [], stopping: false });
  }

  start() {
    this.workers = Array.from({ length: this.width }, async () => {
      while (!this.stopping) {
        const sent = performance.now();
        const { status } = await this.client.execute(this.body);
        this.done.push({ sent, at: performance.now(), status });
      }
    });
    return this;
  }

  async stop() {
    this.stopping = true;
    await Promise.all(this.workers);
    this.client.agent.destroy();
  }
}

// After the answer at `moment`: calls sent later that still went through, and how late the last
// success of any call came.
function judge(hammer, moment, bad) {
  const later = hammer.done.filter((one) => one.sent > moment);
  const through = later.filter((one) => one.status === 200);
  const last = Math.max(0, ...hammer.done.filter((one) => one.status === 200).map((one) => one.at - moment));
  const strange = hammer.done.filter((one) => one.status !== 200 && one.status !== bad);
  return { later: later.length, through: through.length, last, strange };
}

const worst = (found) => `${Math.max(...found.map((one) => one.last)).toFixed(1)} ms`;
const sum = (found, name) => found.reduce((all, one) => all + one[name], 0);
const rows = [];
const publish = () => report('change-revoke', {
  section: 'Change', title: 'Keys revoked and vendors quarantined under load',
  text: 'Two threads, 48 connections that call without a pause. A call sent after the answer to the revocation must never succeed; a call that was let in before may end later, at most 100 ms here.',
  columns: ['what', 'times', 'calls sent after the answer', 'of these answered 200', 'last success of an earlier call'], rows,
});

test(`${rounds} keys revoked under load: no call sent after the answer goes through on any thread`, async () => {
  const found = [];
  for (let i = 0; i < rounds; i++) {
    const victim = await gateway.client.makeKey('revoked');
    const items = (await gateway.client.get('/v1/keys')).json;
    const id = (items.items ?? items).filter((one) => one.tenant === 'revoked' && !one.revoked_at).at(-1).id;
    const hammer = new Hammer(victim, echo).start();
    await sleep(100);
    const reply = await gateway.client.request('DELETE', `/v1/keys/${id}`);
    const moment = performance.now();
    assert.equal(reply.status, 204);
    await sleep(150);
    await hammer.stop();
    found.push(judge(hammer, moment, 401));
    assert.deepEqual(found.at(-1).strange, []);
    assert.ok(found.at(-1).later > 0);
  }
  assert.equal(sum(found, 'through'), 0);
  rows.push(['key revoked', rounds, sum(found, 'later'), sum(found, 'through'), worst(found)]);
  publish();
  for (const one of found) assert.ok(one.last <= lateMs, `${one.last} ms`);
});

test(`a vendor quarantined ${rounds} times under load: no call sent after the answer reaches it, and it serves again after the release`, async () => {
  const found = [];
  const total = async () => (await setup.sandbox.counts()).composio.total;
  const pinned = { ...echo, vendor: 'composio' };
  for (let i = 0; i < rounds; i++) {
    const hammer = new Hammer(gateway.client, pinned).start();
    await sleep(100);
    const reply = await gateway.client.post('/v1/vendors/composio/quarantine');
    const moment = performance.now();
    assert.equal(reply.status, 200, reply.body.toString());
    await sleep(100);
    const settled = await total();
    await sleep(50);
    assert.equal(await total(), settled, 'the vendor hears nothing');
    await hammer.stop();
    found.push(judge(hammer, moment, 503));
    assert.deepEqual(found.at(-1).strange, []);
    assert.ok(found.at(-1).later > 0);
    assert.equal((await gateway.client.post('/v1/vendors/composio/release')).status, 200);
    const replies = await Promise.all(Array.from({ length: 16 }, () => gateway.client.execute(pinned, { agent: false })));
    assert.deepEqual(replies.map(({ status }) => status), Array(16).fill(200));
  }
  assert.equal(sum(found, 'through'), 0);
  rows.push(['vendor quarantined', rounds, sum(found, 'later'), sum(found, 'through'), worst(found)]);
  publish();
  for (const one of found) assert.ok(one.last <= lateMs, `${one.last} ms`);
});

test('keys made and revoked without a pause disturb nobody else', async () => {
  const hammer = new Hammer(gateway.client, echo, 16).start();
  for (let i = 0; i < 50; i++) {
    const made = await gateway.client.post('/v1/keys', { tenant: 'default', scopes: ['call'], environment: 'production' });
    assert.equal(made.status, 201);
    const fresh = gateway.client.withKey(JSON.stringify(made.json).match(/sy_[A-Za-z0-9_-]+/)[0]);
    assert.equal((await fresh.execute(echo)).status, 200, 'in force when its answer came');
    assert.equal((await gateway.client.request('DELETE', `/v1/keys/${made.json.id ?? made.json.key?.id}`)).status, 204);
    assert.equal((await fresh.execute(echo)).status, 401);
  }
  await hammer.stop();
  assert.deepEqual(hammer.done.filter((one) => one.status !== 200), []);
  assert.ok(hammer.done.length > 100);
});

test('a client that waits for 100 is told of a bad key instead, and of a good one to go on', async () => {
  const ask = (key) => new Promise((resolve, reject) => {
    const body = JSON.stringify(echo);
    let told = false;
    const request = http.request(`${gateway.url}/v1/execute`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), expect: '100-continue' } });
    request.on('continue', () => { told = true; request.end(body); });
    request.on('response', (reply) => { reply.resume(); resolve({ told, status: reply.statusCode }); request.destroy(); });
    request.on('error', reject);
    request.flushHeaders();
  });
  assert.deepEqual(await ask('sy_test_nobody'), { told: false, status: 401 });
  assert.deepEqual(await ask(setup.key), { told: true, status: 200 });
});
