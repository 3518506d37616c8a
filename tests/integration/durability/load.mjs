// What runs while a gateway is killed: calls through a worker that remembers everything it was sent,
// and registry, key and tenant writes. And what must be true of all of it afterwards.
import assert from 'node:assert/strict';
import http from 'node:http';
import { inParallel, sleep } from '../gateway/gateway.mjs';

/** A worker in this process: outlives every gateway. Counts what it saw by the argument `mark`. */
export class Worker {
  static async start(next) {
    const worker = new Worker();
    worker.seen = new Map(); // mark → [call ids]
    worker.server = http.createServer((request, reply) => {
      const chunks = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => worker.answer(JSON.parse(Buffer.concat(chunks).toString()), reply, next));
    });
    worker.server.keepAliveTimeout = 60000;
    await new Promise((resolve) => worker.server.listen(0, '127.0.0.1', resolve));
    worker.url = `http://127.0.0.1:${worker.server.address().port}`;
    return worker;
  }

  answer(call, reply, next) {
    const { mark, end, wait, size = 0 } = call.arguments;
    this.seen.set(mark, [...this.seen.get(mark) ?? [], call.call_id]);
    setTimeout(() => {
      const [status, type, body] = end === 'failed'
        ? [422, 'application/problem+json', { code: 'tool_failed', detail: 'no' }]
        : end === 'freed' ? [429, 'application/problem+json', { code: 'rate_limited', retryable: false, maybe_applied: false, detail: 'later' }]
          : [200, 'application/json', { data: { mark, ...(size ? { pad: 'x'.repeat(size) } : {}) } }];
      const text = JSON.stringify(body);
      reply.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
      reply.end(text);
    }, wait);
  }

  /** Rows of the registry: a toolkit behind this worker, one tool of it a read. */
  rows() {
    return `
- {toolkit: crash, vendor: worker, endpoint: "${this.url}", secret: billing, adr: ADR-071, status: LIVE, auth: none}
- {tool: crash_read, toolkit: crash, vendor: worker, vendor_tool: crash_read, match: exact, effect: read}
- {tool: crash_write, toolkit: crash, vendor: worker, vendor_tool: crash_write, match: exact, effect: write}
`;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const TOOLKITS = 12;

/** What was asked and answered between two starts, and the checks of it. */
export class Load {
  constructor(worker, random) {
    Object.assign(this, { worker, random, number: 0, toolkits: new Map(), kept: [], totals: { calls: 0, answered: 0, unknown: 0, unsent: 0, repeats: 0, writes: 0, twice: 0 } });
  }

  body(call) {
    return { tool: call.read ? 'crash_read' : 'crash_write', arguments: { mark: call.mark, end: call.end, wait: call.wait } };
  }

  async send(client, call) {
    return client.execute(this.body(call), { headers: call.key ? { 'idempotency-key': call.key } : {} });
  }

  async callLoop(client) {
    while (!this.over) {
      const dice = this.random();
      const call = {
        mark: `m${++this.number}`, read: dice < 0.3, wait: this.random() < 0.15 ? 150 : Math.floor(this.random() * 4),
        end: dice > 0.9 ? 'failed' : dice > 0.8 ? 'freed' : 'ok', reply: null,
      };
      if (dice > 0.5) call.key = `k-${call.mark}`;
      this.calls.push(call);
      call.reply = await this.send(client, call).catch(() => null);
      if (!call.reply) return;
    }
  }

  async registryLoop(client, half) {
    for (let n = half; !this.over; n += 2) {
      const name = `t${n % TOOLKITS}`;
      const known = this.toolkits.get(name);
      const note = `note ${++this.number}`;
      const write = { name, note, acknowledged: false };
      this.writes.push(write);
      const reply = await client.request('PUT', `/v1/registry/toolkits/${name}`, {
        body: [{ toolkit: name, vendor: 'composio', vendor_slug: name, status: 'LIVE', notes: note }],
        headers: known ? { 'if-match': known.etag } : { 'if-none-match': '*' },
      }).catch(() => null);
      if (!reply) return;
      assert.ok([200, 201].includes(reply.status), `${reply.status} ${reply.body}`);
      write.acknowledged = true;
      this.toolkits.set(name, { etag: reply.headers.etag, note });
      await sleep(4);
    }
  }

  async peopleLoop(client) {
    while (!this.over) {
      const tenant = `p${++this.number}`;
      const made = await client.post('/v1/tenants', { tenant }).catch(() => null);
      if (!made) return;
      assert.equal(made.status, 201, made.body.toString());
      this.tenants.push(tenant);
      const key = await client.post('/v1/keys', { tenant, scopes: ['call'], environment: 'production' }).catch(() => null);
      if (!key) return;
      assert.equal(key.status, 201, key.body.toString());
      this.keys.push({ id: key.json.id, secret: JSON.stringify(key.json).match(/sy_[A-Za-z0-9_-]+/)[0], revoked: false });
      if (this.random() < 0.5) {
        const last = this.keys[this.keys.length - 1];
        last.revoking = true;
        const gone = await client.request('DELETE', `/v1/keys/${last.id}`).catch(() => null);
        if (!gone) return;
        assert.ok(gone.status < 300, gone.body.toString());
        last.revoked = true;
      }
      await sleep(15);
    }
  }

  /** Runs until `stop` (which kills the gateway) has ended. */
  async run(client, width, stop) {
    Object.assign(this, { over: false, calls: [], writes: [], tenants: [], keys: [] });
    const loops = [...Array.from({ length: width }, () => this.callLoop(client)),
      this.registryLoop(client, 0), this.registryLoop(client, 1), this.peopleLoop(client)];
    await stop();
    this.over = true;
    await Promise.all(loops);
  }

  /** Every promise, asked of the gateway that started on what the last one left. */
  async check(client, { ledger = true } = {}) {
    const lost = { rows: 0, writes: 0 };
    await this.checkWrites(client, lost);
    await inParallel(this.calls.filter((call) => call.reply), 8, (call) => this.checkAnswered(client, call, lost, ledger));
    await inParallel(this.calls.filter((call) => !call.reply), 8, (call) => this.checkCutOff(client, call, ledger));
    for (const call of this.calls) {
      const sent = this.worker.seen.get(call.mark) ?? [];
      if (!call.read && sent.length > 1 && call.end !== 'freed') this.totals.twice++;
      this.worker.seen.delete(call.mark);
    }
    return lost;
  }

  async checkWrites(client, lost) {
    for (const name of new Set(this.writes.map((write) => write.name))) {
      const mine = this.writes.filter((write) => write.name === name);
      const last = mine.findLastIndex((write) => write.acknowledged);
      const reply = await client.get(`/v1/registry/toolkits/${name}`);
      const note = reply.status === 200 ? JSON.stringify(reply.json).match(/"notes":"([^"]*)"/)?.[1] : null;
      // The last that was acknowledged, or the one after it that nobody heard of.
      if (last >= 0 && !mine.slice(last).some((write) => write.note === note)) lost.writes++;
      if (reply.status === 200) this.toolkits.set(name, { etag: reply.headers.etag, note });
      else this.toolkits.delete(name);
      this.totals.writes += mine.filter((write) => write.acknowledged).length;
    }
    for (const tenant of this.tenants)
      if ((await client.get(`/v1/tenants/${tenant}`)).status !== 200) lost.writes++;
    for (const key of this.keys) {
      const status = (await client.withKey(key.secret).get('/v1/calls?limit=1')).status;
      if (key.revoked ? status !== 401 : status !== 200 && !key.revoking) lost.writes++;
    }
    this.totals.writes += this.tenants.length + this.keys.length + this.keys.filter((key) => key.revoked).length;
  }

  async checkAnswered(client, call, lost, ledger) {
    const id = call.reply.headers['x-call-id'];
    const row = await client.get(`/v1/calls/${id}`);
    this.totals.answered++;
    const said = call.reply.status === 200 ? 'ok' : 'failed';
    if (row.status !== 200 || (!ledger && row.json.outcome === 'unknown')) {
      lost.rows++;
      return;
    }
    assert.equal(row.json.outcome, said, `${call.mark}: ${row.body}`);
    if (said === 'failed') assert.equal(row.json.code, call.reply.json.code);
    if (!call.key || !ledger || this.random() > 0.3) return;
    const before = (this.worker.seen.get(call.mark) ?? []).length;
    const again = await this.send(client, call);
    this.totals.repeats++;
    if (call.reply.status === 200 || call.reply.json.code === 'tool_failed') {
      assert.equal(again.headers['idempotency-replayed'], 'true', `${call.mark}: ${again.body}`);
      assert.ok(again.body.equals(call.reply.body));
      assert.equal(this.worker.seen.get(call.mark).length, before);
    }
  }

  // Nobody was answered: what the worker saw and what the ledger says must fit, and a key holds.
  async checkCutOff(client, call, ledger) {
    const sent = this.worker.seen.get(call.mark) ?? [];
    this.totals.calls++;
    if (sent.length && !call.read && ledger) {
      const row = await client.get(`/v1/calls/${sent[0]}`);
      assert.equal(row.status, 200, `${call.mark} was sent and has no row`);
      const { outcome } = row.json;
      if (outcome === 'unknown') {
        this.totals.unknown++;
        assert.deepEqual([row.json.code, row.json.maybe_applied], ['outcome_unknown', true]);
      }
      if (!call.key) return;
      const again = await this.send(client, call);
      if (outcome === 'unknown') assert.deepEqual([again.status, again.json.code, again.json.maybe_applied], [409, 'outcome_unknown', true]);
      if (outcome !== 'failed' || call.end !== 'freed') assert.equal(this.worker.seen.get(call.mark).length, 1, `${call.mark} was sent again`);
      this.totals.repeats++;
    } else if (call.key && ledger) {
      // It may have got as far as its intent: then the key says so, else the call may run now.
      const again = await this.send(client, call);
      const now = (this.worker.seen.get(call.mark) ?? []).length;
      assert.ok(again.json.code === 'outcome_unknown' ? now === sent.length : now <= sent.length + 1, again.body.toString());
      this.totals.unsent++;
    }
  }
}
