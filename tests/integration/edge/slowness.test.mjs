// Slow and stingy clients against edge-probe with its default deadlines.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { responses, sleep, startEdge, Wire } from './wire.mjs';

const edge = process.env.SY_EDGE_ADDRESS ? null : await startEdge();
const skip = edge ? false : 'edge-probe is not built (SY_BUILD_DIR, SY_EDGE_PROBE)';
const HEAD_DEADLINE_MS = 10000;

before(() => {
  if (skip) console.log(`# skipped: ${skip}`);
});

after(async () => {
  if (edge) assert.equal(await edge.stop(), 0);
});

function descriptorLimit() {
  const row = readFileSync('/proc/self/limits', 'utf8').split('\n').find((line) => line.startsWith('Max open files'));
  return Number(row.split(/\s+/)[3]);
}

function residentKb(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
}

function isSanitized(pid) {
  return /libasan|libclang_rt|asan/.test(readFileSync(`/proc/${pid}/maps`, 'utf8'));
}

async function healthyMs() {
  const start = process.hrtime.bigint();
  const wire = await Wire.open(edge);
  wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await wire.until(() => wire.bytes.length > 0, 5000);
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  assert.equal(responses(wire.bytes)[0].status, 200);
  wire.close();
  return ms;
}

test('half heads cost at most 5 kB each, disturb nobody and end at 10 s, drips too', { skip, timeout: 60000 }, async () => {
  const count = Math.min(10000, descriptorLimit() - 500);
  const before_kb = residentKb(edge.pid);
  const wires = [];
  for (let i = 0; i < count; i += 100) {
    wires.push(...await Promise.all(Array.from({ length: Math.min(100, count - i) }, async () => {
      const wire = await Wire.open(edge);
      const opened = Date.now();
      const gone = new Promise((resolve) => wire.socket.once('end', () => resolve(Date.now() - opened)));
      wire.write('GET / HTTP/1.1\r\nHost: a\r\nX-');
      return { wire, gone };
    })));
  }
  await sleep(500);
  const each = ((residentKb(edge.pid) - before_kb) * 1024) / count;
  const drip = setInterval(() => wires.slice(0, 200).forEach(({ wire }) => wire.write('x')), 1000);
  const times = [];
  for (let i = 0; i < 200; i++) times.push(await healthyMs());
  times.sort((a, b) => a - b);
  const p99 = times[Math.floor(times.length * 0.99)];
  const lives = (await Promise.all(wires.map(({ gone }) => gone))).sort((a, b) => a - b);
  clearInterval(drip);
  console.log(`# ${count} half heads: ${each.toFixed(0)} B resident each, healthy request p50 ` +
    `${times[100].toFixed(2)} ms p99 ${p99.toFixed(2)} ms, closed after ${lives[0]}–${lives.at(-1)} ms`);
  assert.equal(responses(wires[0].wire.bytes)[0].status, 408);
  wires.forEach(({ wire }) => wire.close());
  assert.ok(lives[0] >= HEAD_DEADLINE_MS - 1000 && lives.at(-1) <= HEAD_DEADLINE_MS + 1000);
  if (isSanitized(edge.pid)) {
    console.log('# sanitizer build: its memory and latency say nothing about the product');
    return;
  }
  assert.ok(each <= 5000, `${each} bytes each`);
  assert.ok(p99 <= 10, `p99 ${p99} ms`);
});

test('a body of one byte a second is refused once its rate is judged', { skip, timeout: 20000 }, async () => {
  const wire = await Wire.open(edge);
  const start = Date.now();
  wire.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n');
  const drip = setInterval(() => wire.write('x'), 1000);
  await wire.until(() => wire.bytes.length > 0, 15000);
  clearInterval(drip);
  const took = Date.now() - start;
  assert.equal(responses(wire.bytes)[0].status, 408);
  assert.ok(took >= 4900 && took <= 7000, `${took} ms`);
  wire.close();
});

test('a refused client that keeps sending still reads its answer', { skip, timeout: 20000 }, async () => {
  for (let i = 0; i < 20; i++) {
    const wire = await Wire.open(edge);
    wire.write('GET / HTTP/1.1\r\nHost : a\r\n\r\n');
    for (let n = 0; n < 6; n++) {
      wire.write(Buffer.alloc(8192, 'y'));
      await sleep(2);
    }
    await wire.until(() => wire.bytes.includes('bad_'), 2000);
    assert.equal(responses(wire.bytes)[0]?.status, 400);
    assert.equal(wire.reset, false);
    wire.close();
  }
});

test('SIGTERM loses no request that was accepted', { skip, timeout: 30000 }, async () => {
  for (let round = 0; round < 5; round++) {
    const victim = await startEdge('--threads', '2');
    let sent = 0;
    let lost = 0;
    let stopping = false;
    const clients = Array.from({ length: 16 }, async () => {
      while (!stopping) {
        const wire = await Wire.open(victim).catch(() => null);
        if (!wire) return;
        sent++;
        wire.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n');
        await sleep(1);
        wire.write('ping');
        await wire.until(() => responses(wire.bytes)[0]?.body.length === 4, 3000);
        if (responses(wire.bytes)[0]?.body.toString() !== 'ping') lost++;
        wire.close();
      }
    });
    await sleep(200);
    const ended = victim.stop();
    stopping = true;
    await Promise.all(clients);
    assert.equal(await ended, 0);
    assert.ok(sent > 16);
    assert.equal(lost, 0, `${lost} of ${sent} lost`);
  }
});
