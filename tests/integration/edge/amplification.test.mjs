// What a caller's bytes can cost: crafted bodies, one after the other, at a release gateway with one
// thread. Memory is the peak over what the gateway held before, processor time that of all
// its threads.
// SY_EDGE_FIGURES=1 also asserts the plan's 20 ms per MB, which means something on a quiet machine.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { Client, configured } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';
import { quantile, statusKb, useRelease } from './builds.mjs';
import { Wire } from './wire.mjs';

const SIZE = 512 << 10;
const MAX_MS_PER_MB = 20;
const MAX_TIMES = 8;
/* Dearer than a plain body of the same size by no more than this. */
const MAX_RATIO = 25;

const release = useRelease();
const skip = release ? false : 'no release build (SY_RELEASE_BIN)';
let setup;
let gateway;

before(async () => {
  if (skip) {
    console.log(`# skipped: ${skip}`);
    return;
  }
  /* What is freed goes back at once, so that a body's peak is its own and not one before it. */
  const env = { MALLOC_MMAP_THRESHOLD_: '65536', MALLOC_TRIM_THRESHOLD_: '65536' };
  setup = await configured({ env, change: (text) => text.replace('threads: 2', 'threads: 1') });
  gateway = await setup.serve();
});
after(async () => {
  if (gateway) await gateway.stop();
  if (setup) await setup.stop();
});

const fill = (unit, size = SIZE) => unit.repeat(Math.floor(size / Buffer.byteLength(unit)));
const numbered = (make, size = SIZE) => {
  const parts = [];
  for (let i = 0, length = 0; length < size; i++, length += parts[i - 1].length + 1) parts.push(make(i));
  return parts.join(',');
};
const call = (args) => `{"tool":"echo_echo","vendor":"composio","user_id":"user_123","arguments":${args}}`;
const inside = (value) => call(`{"x":${value}}`);

/** Families of bodies; `n` varies each of them. */
const FAMILIES = {
  'one plain string': (n) => inside(`"${fill('abcdefgh'.slice(0, 1 + (n % 8)))}"`),
  'arrays in arrays': () => inside('['.repeat(SIZE / 2) + ']'.repeat(SIZE / 2)),
  'objects in objects': () => inside(fill('{"a":') + '1' + '}'.repeat(SIZE / 5)),
  'never closed': (n) => inside(fill(n % 2 ? '[' : '{"":')),
  'depth at the limit, again and again': (n) => inside(`[${numbered(() => '['.repeat(8 + (n % 40)) + ']'.repeat(8 + (n % 40)))}]`),
  'many tiny members': (n) => inside(`{${numbered((i) => `"${(i * (n + 1)).toString(36)}":${i % 10}`)}}`),
  'many members at the top': (n) => `{${numbered((i) => `"${i.toString(36)}${n}":0`)}}`,
  'many empty values': (n) => inside(`[${fill(['[],', '{},', '"",', '0,'][n % 4])}0]`),
  'duplicate keys': (n) => call(`{${fill(`"${'k'.repeat(1 + (n % 30))}":1,`)}"z":0}`),
  'long keys': (n) => call(`{${numbered((i) => `"${'k'.repeat(1000 * (1 + (n % 20)))}${i}":0`)}}`),
  'one long key': () => call(`{"${fill('k')}":0}`),
  'escaped characters': (n) => inside(`"${fill(['\\u0041', '\\n', '\\"', '\\\\', '\\u00e9', '\\ud83d\\ude00'][n % 6])}"`),
  'escaped keys': (n) => call(`{${numbered((i) => `"\\u006b\\u00${(16 + ((i + n) % 200)).toString(16)}${i}":0`)}}`),
  'long numbers': (n) => inside(`[${numbered((i) => `${1 + (i % 9)}${'0'.repeat(300 * (1 + (n % 12)))}`)}]`),
  'exponents': (n) => inside(`[${fill(['1e308,', '1e-308,', '1E99999,', '-0.0e0,'][n % 4])}0]`),
  'white space': (n) => fill([' ', '\t', '\n', '\r\n'][n % 4]) + inside('1'),
  'letters beyond ASCII': (n) => inside(`"${fill(['é', '€', '😀', '\u0301'][n % 4])}"`),
  'broken at the end': (n) => inside(`"${fill('abc')}${['\u0001', '\\x', '\\ud800x', '"x'][n % 4]}"`),
  'a long name of a tool': (n) => `{"tool":"${fill('g'.repeat(1 + (n % 7)))}","user_id":"u","arguments":{}}`,
  'a long user': (n) => `{"tool":"echo_echo","user_id":"${fill('u_'.slice(0, 1 + (n % 2)))}","arguments":{}}`,
  'not an object': (n) => fill(['[', '"', '1', 'true'][n % 4]),
};

/** One byte a chunk, also with extensions: what is on the wire counts. */
const CHUNKED = {
  'a chunk of one byte each': () => '1',
  'one byte each, with extensions': (n) => `1;${'x'.repeat(20 + (n % 200))}=y`,
};

/** Processor time of all threads so far, in ns. */
function spent() {
  return readdirSync(`/proc/${gateway.pid}/task`).reduce((sum, task) =>
    sum + Number(readFileSync(`/proc/${gateway.pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]), 0);
}

async function measure(bytes, send) {
  const base_kb = statusKb(gateway.pid, 'VmRSS');
  writeFileSync(`/proc/${gateway.pid}/clear_refs`, '5');
  const start = spent();
  const status = await send();
  const ms = (spent() - start) / 1e6;
  return { status, perMb: (ms * (1 << 20)) / bytes, times: ((statusKb(gateway.pid, 'VmHWM') - base_kb) * 1024) / bytes };
}

async function sendChunked(line, size) {
  const { hostname, port } = new URL(gateway.url);
  const wire = await Wire.open({ host: hostname, port: Number(port) });
  const body = Buffer.from(inside(`"${fill('a', size)}"`));
  const chunks = [...body].map((byte) => `${line}\r\n${String.fromCharCode(byte)}\r\n`).join('');
  const head = `POST /v1/execute HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${setup.key}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
  wire.write(`${head}${chunks}0\r\n\r\n`);
  await wire.until(() => false, 20000);
  wire.close();
  return Number(/^HTTP\/1.1 (\d{3})/.exec(wire.bytes.toString('latin1'))?.[1]);
}

const wireSize = (line, size) => (size + 80) * (line.length + 5);

test('1,000 crafted bodies: at most 8 times their size in memory, and never far dearer than a plain one', { skip, timeout: 300000 }, async () => {
  const client = new Client(gateway.url, setup.key);
  for (let i = 0; i < 20; i++) assert.equal((await client.execute(inside('1'))).status, 200);
  const names = [...Object.keys(FAMILIES), ...Object.keys(CHUNKED)];
  const seen = new Map(names.map((name) => [name, []]));
  for (let i = 0; i < 1000; i++) {
    const name = names[i % names.length];
    const n = Math.floor(i / names.length);
    if (FAMILIES[name]) {
      const body = Buffer.from(FAMILIES[name](n));
      seen.get(name).push(await measure(body.length, async () => (await client.execute(body)).status));
    } else {
      const line = CHUNKED[name](n);
      const size = Math.floor(SIZE / (line.length + 5));
      seen.get(name).push(await measure(wireSize(line, size), () => sendChunked(line, size)));
    }
  }
  const plain = quantile(seen.get('one plain string').map((one) => one.perMb), 0.5);
  const rows = names.map((name) => {
    const all = seen.get(name);
    const cost = quantile(all.map((one) => one.perMb), 0.5);
    return { name, statuses: [...new Set(all.map((one) => one.status))], cost, ratio: cost / plain, worst: Math.max(...all.map((one) => one.perMb)), times: Math.max(...all.map((one) => one.times)) };
  }).sort((a, b) => b.cost - a.cost);
  for (const row of rows) console.log(`# ${row.name}: ${row.statuses} ${row.cost.toFixed(2)} ms/MB (worst ${row.worst.toFixed(2)}, ${row.ratio.toFixed(1)} plain), ${row.times.toFixed(2)} x`);
  report('amplification', {
    section: '5.3', title: 'Amplification: 1,000 crafted bodies',
    text: `Bodies of ${SIZE >> 10} KiB to a release gateway with one thread, one at a time; the ones that are right go to a stand-in and come back as its answer. Processor time is that of all threads (schedstat) per MB sent, memory the peak over the gateway before it, with an allocator that gives back at once. The plan's bounds are 20 ms per MB and 8 times; Envoy's line for a hole is 100 times.`,
    columns: ['bodies', 'answers', 'ms per MB, median', 'worst', 'of a plain body', 'peak memory, times the body'],
    rows: rows.map((row) => [row.name, row.statuses.join(', '), row.cost.toFixed(2), row.worst.toFixed(2), row.ratio.toFixed(2), row.times.toFixed(2)]),
  });
  for (const row of rows) {
    assert.ok(row.statuses.every((status) => status === 200 || (status >= 400 && status < 500)), `${row.name}: ${row.statuses}`);
    assert.ok(row.times <= MAX_TIMES, `${row.name}: ${row.times} times its size`);
    assert.ok(row.ratio <= MAX_RATIO, `${row.name}: ${row.ratio} times a plain body`);
    if (process.env.SY_EDGE_FIGURES) assert.ok(row.worst <= MAX_MS_PER_MB, `${row.name}: ${row.worst} ms per MB`);
  }
});
