// The fault matrix: every row of faults.json × vendor × read and write × with and without a second
// vendor, against the program over sockets. A cell is right when code, cause, origin, retryable,
// maybe_applied, the requests that the vendor saw, the breaker, the metrics and the ledger row are.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { report } from '../report.mjs';
import { root, sleep } from '../gateway/gateway.mjs';
import { certificates, makeOrigin } from './origins.mjs';
import { DEADLINE_MS, effects, expectation, routes, rows, script, table, vendors } from './table.mjs';
import { executePath, grown, mintPath, openLane, standby } from './lane.mjs';

const SLACK_MS = 50;
// SY_FAULTS: numbers to run instead of all; SY_FAULT_TIMES: how often each cell is run.
const chosen = process.env.SY_FAULTS?.split(',').map(Number);
const times = Number(process.env.SY_FAULT_TIMES ?? 1);

const build = process.env.SY_BUILD_DIR ?? path.join(root, 'build/asan-ubsan');
const shim = path.join(build, 'tests/slow_dns.so');
const results = []; // {row, vendor, effect, route, wrong: […], seen, elapsed}
let certs;
let lateness; // how late this process itself ran its timers
before(() => {
  certs = certificates();
  lateness = monitorEventLoopDelay({ resolution: 5 });
  lateness.enable();
});
after(() => certs.remove());

const laneEnv = () => ({
  SSL_CERT_FILE: certs.authority, LD_PRELOAD: existsSync(shim) ? shim : '', SY_SLOW_DNS_S: '40',
  ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:verify_asan_link_order=0`,
});

const same = (wrong, what, got, wanted) => {
  if (got !== wanted) wrong.push(`${what} ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`);
};

function checkReply(wrong, lane, want, reply, elapsed, allowed) {
  const body = reply.json;
  if (want.served) {
    same(wrong, 'status', reply.status, 200);
    same(wrong, 'vendor', body.route?.vendor, want.served === 'fallback' ? standby[lane.vendor] : want.served);
    same(wrong, 'attempts', body.route?.attempts, want.attempts);
  } else {
    for (const [name, wanted] of [['code', want.code], ['status', want.status], ['cause', want.cause], ['origin', want.origin], ['retryable', want.retryable], ['maybe_applied', want.applied]]) {
      same(wrong, name, body[name], wanted);
    }
    same(wrong, 'HTTP status', reply.status, want.status);
    same(wrong, 'content type', reply.headers['content-type'], 'application/problem+json');
    const wait = reply.headers['retry-after'];
    if (want.wait === null) same(wrong, 'Retry-After', wait, undefined);
    if (want.wait && !(Number(wait) >= want.wait[0] && Number(wait) <= want.wait[1])) wrong.push(`Retry-After ${wait}`);
  }
  if (elapsed > allowed) wrong.push(`${elapsed.toFixed(0)} ms, allowed ${allowed.toFixed(0)}`);
}

function checkRow(wrong, lane, want, row) {
  same(wrong, 'ledger outcome', row.outcome, want.served ? 'ok' : 'failed');
  same(wrong, 'ledger attempts', row.attempts, want.attempts);
  same(wrong, 'ledger maybe_applied', row.maybe_applied, want.served ? row.effect !== 'read' : want.applied);
  if (want.served) return;
  same(wrong, 'ledger code', row.code, want.code);
  same(wrong, 'ledger cause', row.cause, want.cause);
  same(wrong, 'ledger origin', row.origin, want.origin);
  same(wrong, 'ledger vendor', row.vendor, lane.vendor);
}

// `origin`: the vendor cannot be reached, so what counts its requests counts none.
function checkCounts(wrong, lane, want, was, is, origin) {
  same(wrong, 'requests to execute', is.executes - was.executes, origin ? 0 : want.executes);
  same(wrong, 'requests at the second vendor', is.standby - was.standby, want.served === 'fallback' ? 1 : 0);
  if (!origin) same(wrong, 'mints', is.mints - was.mints, want.mints);
  const calls = grown(was.metrics, is.metrics, 'switchyard_calls_total');
  same(wrong, 'calls counted', calls.map((one) => `${one.vendor} ${one.code} ${one.more}`).join(),
    want.served ? `${want.served === 'fallback' ? standby[lane.vendor] : want.served} ok 1` : `${lane.vendor} ${want.code} 1`);
  const sent = grown(was.metrics, is.metrics, 'switchyard_upstream_requests_total').filter((one) => one.vendor === lane.vendor);
  if (want.metric && !origin && !sent.some((one) => one.status === want.metric)) wrong.push(`upstream ${JSON.stringify(sent)} without ${want.metric}`);
  const again = grown(was.metrics, is.metrics, 'switchyard_attempts_total').map((one) => `${one.kind} ${one.more}`).join();
  same(wrong, 'attempts counted', again, want.served === 'fallback' ? 'fallback 1' : want.attempts === 2 && !want.resent ? 'retry 1' : '');
  // A worker's breaker stands per toolkit and has no figure; the mint and the look-ups of the others
  // have reports of their own where they fail first.
  if (lane.vendor !== 'worker' && want.failures !== 'any' && !origin) same(wrong, 'failures for the breaker', is.failures - was.failures, want.failures);
}

async function runCell(lane, row, effect, route, origin) {
  if (row.patient) await sleep(1100); // a failed look-up is remembered for a second
  const want = expectation(row, lane.vendor, effect, route);
  const wrong = [];
  if (!origin) {
    await lane.good();
    if (row.fresh) { // no connection is left behind that could be used again
      await lane.fault({ play: [{ answer: true }, { end: 'close' }] }, { at: '*' });
      await Promise.all([lane.good(), lane.good(), lane.good(), lane.good()]);
      await lane.sandbox.clearFaults();
    }
  }
  const warm = row.reused ? (await lane.sandbox.requests(`vendor=${lane.vendor}&limit=1`))[0] : null;
  const was = await lane.observe();
  if (row.mint) {
    await lane.fault({ unauthorized_once: true }, { count: 1 });
    await lane.fault(row.mint.play ? { play: row.mint.play } : row.mint.fault, { at: mintPath });
  } else if (!origin) {
    await lane.fault(script(row, lane.vendor, lane.urls), { count: row.count ?? 0 });
  }
  lateness.reset();
  const started = performance.now();
  const reply = await lane.call(effect, route, { arguments: { marker: `row ${row.number}` }, timeout_ms: want.timeout });
  const elapsed = performance.now() - started;
  const late = Math.max(0, lateness.max / 1e6 - 5);
  await lane.sandbox.clearFaults();
  checkReply(wrong, lane, want, reply, elapsed, (want.timeout ?? 30000) + SLACK_MS + lane.slowest + late);
  if (reply.status === 200 && row.data && !reply.body.includes(Buffer.from(`"data":${row.data}`))) wrong.push('the data changed on its way');
  checkCounts(wrong, lane, want, was, await lane.observe(), origin);
  if (row.kept) { // what is left on the connection is nobody's answer
    await sleep(60);
    await lane.good();
  }
  const stored = await lane.gateway.get(`/v1/calls/${reply.json.call_id ?? reply.json.id}`);
  if (stored.status === 200) checkRow(wrong, lane, want, stored.json);
  else wrong.push(`no ledger row: ${stored.status}`);
  if (warm) {
    const hit = (await lane.sandbox.requests(`vendor=${lane.vendor}&since=${warm.sequence}`)).find((one) => one.tool === warm.tool || effect === 'write');
    same(wrong, 'the connection', hit?.peer, warm.peer);
  }
  results.push({ row, vendor: lane.vendor, effect, route, wrong, want, got: want.served && reply.status === 200 ? 'ok' : reply.json.code, elapsed, over: want.timeout === DEADLINE_MS ? elapsed - DEADLINE_MS : null });
}

async function runRow(lane, row) {
  const cells = routes.flatMap((route) => effects.map((effect) => [effect, route]));
  if (row.below) {
    const origin = await makeOrigin(row.below, lane.urls[lane.vendor], certs);
    await lane.start(origin.url);
    await lane.good(standby[lane.vendor]);
    for (const [effect, route] of cells) await runCell(lane, row, effect, route, true);
    await lane.end();
    origin.stop();
    return;
  }
  if (!lane.gateway && !row.own_gateway) await lane.start();
  for (const [effect, route] of cells) {
    if (row.own_gateway) await lane.start();
    for (let i = 0; i < (row.own_gateway ? 1 : times); i++) await runCell(lane, row, effect, route, false);
    if (row.own_gateway) await lane.end();
  }
}

const secretsOf = (sandbox) => ['composio_api_key', 'scalekit_client_secret', 'pipedream_client_secret', 'worker_secret'].map((name) => sandbox[name]);

async function runLane(vendor) {
  const lane = await openLane(vendor, { env: laneEnv() });
  try {
    const mine = rows.filter((row) => !row.scenario && !row.na?.[vendor] && (!chosen || chosen.includes(row.number)));
    // Those that need no gateway of their own share one; the others come last.
    for (const row of mine.filter((one) => !one.below && !one.own_gateway)) await runRow(lane, row);
    for (const row of mine.filter((one) => one.below || one.own_gateway)) await runRow(lane, row);
    await lane.end();
    for (const secret of secretsOf(lane.sandbox)) assert.ok(!(lane.output ?? '').includes(secret), 'a credential stands in the log');
  } finally {
    await lane.close();
  }
  return lane;
}

test('the table holds all 75 faults of the plan, each with cells or a reason', () => {
  const numbers = new Set(rows.map((row) => row.number));
  assert.deepEqual([...numbers].sort((a, b) => a - b), Array.from({ length: 75 }, (_, i) => i + 1));
  for (const row of rows) assert.ok(row.scenario || row.class || Object.keys(row.na ?? {}).length === vendors.length, row.name);
});

test('TLS to a vendor with a good certificate works, so what fails below fails for its own reason', async () => {
  const lane = await openLane('composio', { env: laneEnv() });
  const origin = await makeOrigin('tls-good', lane.urls.composio, certs);
  try {
    await lane.start(origin.url);
    await lane.good();
  } finally {
    await lane.close();
    origin.stop();
  }
});

test('every cell of the fault matrix is as the table says', { timeout: 900000 }, async (t) => {
  if (!existsSync(shim)) throw new Error(`${shim} is not built`);
  const ends = await Promise.allSettled(vendors.map(runLane));
  for (const end of ends) if (end.reason) throw end.reason;
  for (const vendor of vendors) {
    await t.test(`${vendor}: all cells`, () => {
      const wrong = results.filter((one) => one.vendor === vendor && one.wrong.length);
      assert.deepEqual(wrong.map((one) => `${one.row.number} ${one.row.name}, ${one.effect}, ${one.route}: ${one.wrong.join('; ')}`), []);
    });
  }
  const twice = results.filter((one) => one.effect === 'write' && one.want.applied && one.wrong.some((text) => text.startsWith('requests to execute')));
  await t.test('no write was sent twice', () => {
    assert.deepEqual(twice.map((one) => `${one.row.number} ${one.vendor}`), []);
  });
  if (!chosen) print(t, twice.length);
});

// One line a row: the outcome without a second vendor, and how many of the cells were right.
function print(t, twice) {
  const lines = rows.map((row) => {
    const columns = vendors.map((vendor) => {
      if (row.na?.[vendor]) return 'n/a';
      const mine = results.filter((one) => one.row === row && one.vendor === vendor);
      if (!mine.length) return '–';
      return `${mine.filter((one) => !one.wrong.length).length}/${mine.length}`;
    });
    const codes = [...new Set(results.filter((one) => one.row === row && one.route === 'none').map((one) => one.got))].join(', ');
    return [row.number, row.name, codes || (row.scenario ? 'see the scenario' : 'n/a'), row.cause ?? '', ...columns];
  });
  const columns = ['no.', 'fault', 'code', 'cause', ...vendors];
  for (const line of [columns, columns.map(() => '---'), ...lines]) t.diagnostic(`| ${line.join(' | ')} |`);
  const right = results.filter((one) => !one.wrong.length).length;
  const over = results.map((one) => one.over).filter((one) => one !== null).sort((a, b) => a - b);
  const at = (share) => `${over[Math.min(over.length - 1, Math.floor(over.length * share))]?.toFixed(0)} ms`;
  t.diagnostic(`| ${right} of ${results.length} cells right; past the deadline p50 ${at(0.5)}, worst ${at(1)} |`);
  report('fault-matrix', {
    section: '5.5 Vendor faults',
    title: 'The fault matrix',
    text: `${right} of ${results.length} cells as the table says: each fault × vendor × read and write × with and without a second vendor, run against the program over sockets. A cell checks code, cause, origin, retryable, maybe_applied, Retry-After, the requests that the vendor counted, the breaker, the metrics and the ledger row. Calls that end by their deadline (${DEADLINE_MS} ms) were answered ${at(0.5)} (median) and ${at(1)} (worst) after it, measured at the client on a sanitizer's build. Writes sent twice: ${twice}. ${Object.entries(table.no_upstream).map(([name, why]) => `\`${name}\` has no upstream: it ${why}`).join('; ')}. No peer publishes such a matrix.`,
    columns, rows: lines,
  });
}
