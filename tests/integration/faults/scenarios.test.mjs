// Faults in time: a token that expires under a thousand calls, a vendor that refuses every token, one
// that flaps, and everything at once. SY_MIX_S: how long everything at once lasts (20 s).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { sleep } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';
import { mintPath, openLane } from './lane.mjs';
import { rows, script, vendors } from './table.mjs';

const mixSeconds = Number(process.env.SY_MIX_S ?? 20);
const measured = []; // [what, figure, wanted]

async function withLane(vendor, work, options) {
  const lane = await openLane(vendor, options);
  try {
    await lane.start();
    await work(lane);
    await lane.end();
  } finally {
    await lane.close();
  }
}

for (const vendor of ['scalekit', 'pipedream']) {
  test(`${vendor}: a thousand calls with an expired token are one refresh and a thousand answers`, () => withLane(vendor, async (lane) => {
    await lane.good();
    const was = await lane.observe();
    // The vendor forgets the token while all of them are on their way.
    await lane.fault({ unauthorized_once: true }, { count: 1 });
    const replies = await Promise.all(Array.from({ length: 1000 }, () => lane.call('read', 'none')));
    assert.deepEqual([...new Set(replies.map((one) => one.status))], [200]);
    const is = await lane.observe();
    assert.equal(is.mints - was.mints, 1);
    measured.push([`${vendor}: refreshes for 1,000 calls with an expired token`, 1, '1']);
  }));

  const unending = {
    '401 for ever': (lane) => lane.fault({ unauthorized_once: true }, { count: 0 }),
    'a refresh that fails': async (lane) => { await lane.fault({ unauthorized_once: true }, { count: 1 }); await lane.fault({ status: 500, body: '{}' }, { at: mintPath }); },
    'a refresh that hangs': async (lane) => { await lane.fault({ unauthorized_once: true }, { count: 1 }); await lane.fault({ play: [{ end: 'hold' }] }, { at: mintPath }); },
    'a refresh that answers garbage': async (lane) => { await lane.fault({ unauthorized_once: true }, { count: 1 }); await lane.fault({ garbage: true }, { at: mintPath }); },
  };
  for (const [name, begin] of Object.entries(unending)) {
    test(`${vendor}: ${name} is at most one refresh in the seconds that it lasts`, () => withLane(vendor, async (lane) => {
      await lane.good();
      const was = await lane.observe();
      await begin(lane);
      const end = Date.now() + 4000;
      let calls = 0;
      while (Date.now() < end) {
        const replies = await Promise.all(Array.from({ length: 8 }, () => lane.call('read', 'none', { timeout_ms: 500 })));
        for (const one of replies) assert.ok([502, 503, 504].includes(one.status), `${one.status} ${one.body}`);
        calls += replies.length;
        await sleep(50);
      }
      await lane.sandbox.clearFaults();
      const mints = (await lane.observe()).mints - was.mints;
      assert.ok(mints <= 1, `${mints} refreshes for ${calls} calls`);
      measured.push([`${vendor}: refreshes under ${name}, for ${calls} calls in 4 s`, mints, '≤ 1 a minute']);
    }));
  }
}

test('a vendor that flaps opens the breaker in at most ten failures, is probed by one call, and is closed by its success', () => withLane('composio', async (lane) => {
  await lane.good();
  const was = await lane.observe();
  await lane.fault({ status: 500, body: '{}' });
  let failures = 0;
  for (;;) {
    const reply = await lane.call('write', 'none');
    if (reply.json.cause === 'breaker_open') break;
    failures++;
    assert.ok(failures <= 10, 'still shut');
  }
  assert.equal((await lane.observe()).executes - was.executes, failures);
  const open = await lane.call('read', 'none');
  assert.equal(open.json.cause, 'breaker_open');
  await sleep(Number(open.headers['retry-after']) * 1000 + 200);
  // It is still down: of many calls at once one goes out.
  const half = await lane.observe();
  await Promise.all(Array.from({ length: 20 }, () => lane.call('write', 'none')));
  const probes = (await lane.observe()).executes - half.executes;
  assert.equal(probes, 1);
  // It is well again: the next probe closes.
  await lane.sandbox.clearFaults();
  const again = await lane.call('read', 'none');
  await sleep((Number(again.headers['retry-after'] ?? 0)) * 1000 + 200);
  let tries = 0;
  for (;;) {
    tries++;
    if ((await lane.call('read', 'none')).status === 200) break;
    assert.ok(tries < 3, 'not closed');
  }
  const burst = await Promise.all(Array.from({ length: 20 }, () => lane.call('read', 'none')));
  assert.deepEqual([...new Set(burst.map((one) => one.status))], [200]);
  measured.push(['failures until the breaker opens', failures, '≤ 10'], ['calls that probe a half-open breaker (20 at once)', probes, '1'], ['calls until it is closed', tries, '≤ 3']);
}));

test('flapping each 100 ms never sends a write twice', () => withLane('composio', async (lane) => {
  await lane.good();
  const was = await lane.observe();
  const end = Date.now() + 6000;
  let sent = 0;
  let down = false;
  let turn = Date.now();
  while (Date.now() < end) {
    if (Date.now() - turn >= 100) {
      down = !down;
      turn = Date.now();
      if (down) await lane.fault({ reset: 'after' });
      else await lane.sandbox.clearFaults();
    }
    const reply = await lane.call('write', 'none');
    if (reply.status === 200 || reply.json.cause !== 'breaker_open') sent++;
  }
  await lane.sandbox.clearFaults();
  const executes = (await lane.observe()).executes - was.executes;
  assert.equal(executes, sent);
}));

const rssOf = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
const release = process.env.SY_RELEASE_BIN && existsSync(process.env.SY_RELEASE_BIN) ? process.env.SY_RELEASE_BIN : null;

// A stride through them that comes by each before it comes by one again: no table has so many rows.
const STRIDE = 1009;

// The faults that end by themselves and need nothing below HTTP, in a shuffled order, over and over,
// from number `from` on; how many calls were made, and how many faults were played.
async function mix(lane, seconds, from = 0) {
  const usable = rows.filter((row) => row.class && !row.below && !row.own_gateway && !row.mint && !row.na?.[lane.vendor]);
  const end = Date.now() + seconds * 1000;
  let calls = 0;
  let played = from;
  for (; Date.now() < end; played++) {
    const row = usable[(played * STRIDE) % usable.length];
    await lane.fault(script(row, lane.vendor, lane.urls), { count: 3 });
    const replies = await Promise.all(['read', 'write', 'read', 'read'].map((effect, at) => lane.call(effect, at % 2 ? 'none' : 'fallback', { timeout_ms: 400 })));
    for (const one of replies) {
      const typed = one.status === 200 || (one.json.code && one.json.call_id && one.json.code !== 'internal');
      assert.ok(typed, `${row.name}: ${one.status} ${one.body}`);
    }
    calls += replies.length;
    await lane.sandbox.clearFaults();
    await sleep(10);
  }
  return { calls, played, kinds: Math.min(played, usable.length) };
}

test('all faults mixed: every call is typed and memory is flat afterwards', { timeout: (mixSeconds + 120) * 2000 }, async () => {
  const before = process.env.SWITCHYARD_BIN;
  if (release) process.env.SWITCHYARD_BIN = release;
  try {
    const lines = await Promise.all(vendors.map(async (vendor) => {
      let line;
      await withLane(vendor, async (lane) => {
        const warm = await mix(lane, mixSeconds / 2);
        const first = rssOf(lane.gateway.pid);
        const rest = await mix(lane, mixSeconds / 2, warm.played);
        line = { vendor, calls: warm.calls + rest.calls, kinds: rest.kinds, first, last: rssOf(lane.gateway.pid) };
      });
      return line;
    }));
    for (const { vendor, calls, kinds, first, last } of lines) {
      if (release) {
        assert.ok(last <= first * 1.1 + 2048, `${vendor}: ${first} kB, then ${last} kB`);
        measured.push([`${vendor}: resident after ${mixSeconds / 2} s and after ${mixSeconds} s of all faults mixed (${kinds} kinds, ${calls} calls)`, `${(first / 1024).toFixed(1)} and ${(last / 1024).toFixed(1)} MiB`, '≤ 10 % + 2 MiB more']);
      } else {
        measured.push([`${vendor}: calls under ${kinds} kinds of faults mixed, each typed`, calls, 'all']);
      }
    }
  } finally {
    if (release) process.env.SWITCHYARD_BIN = before ?? '';
  }
});

test('the figures are kept', (t) => {
  assert.ok(measured.length > 0);
  for (const [what, figure, wanted] of measured) t.diagnostic(`| ${what} | ${figure} | ${wanted} |`);
  report('fault-scenarios', {
    section: '5.5 Vendor faults', title: 'Faults in time',
    text: 'Tokens that expire or are refused for ever, a vendor that flaps (row 74), and all faults mixed. Requests are counted at the stand-in.',
    columns: ['what', 'figure', 'wanted'], rows: measured,
  });
});
