// One tenant at ten times its limit beside fifty that keep theirs, at a release gateway: what the
// fifty see of it. Phases with and without the one take turns, SY_FLOOD_S seconds each (3).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { configured, sleep } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';
import { quantile, useRelease } from './builds.mjs';

const SECONDS = Number(process.env.SY_FLOOD_S ?? 3);
const ROUNDS = 4;
const TENANTS = 50;
const LIMIT = 20; /* calls per second of each tenant */
const OFTEN = 10; /* times the limit that one of them sends */
const EACH = 4; /* calls per second of the others */
const call = { tool: 'echo_echo', vendor: 'composio', user_id: 'user_123' };

const release = useRelease();
let setup;
let gateway;

before(async () => {
  if (!release) console.log('# no release build: latency says nothing about the product');
  setup = await configured({ policy: `version: 1
order: [native, pipedream, pending, worker]
native: [composio, scalekit]
limits: {tenant: {rate: ${LIMIT}/s, burst: ${LIMIT}, in_flight: 50}, request_bytes: 64KiB, response_bytes: 256KiB}
` });
  gateway = await setup.serve();
});
after(async () => {
  await gateway.stop();
  await setup.stop();
});

/** Sends `rate` calls a second, on time whatever the answers do, until `end`. */
async function steadily(client, rate, offset_ms, end, seen) {
  const pending = [];
  for (let due = Date.now() + offset_ms; due < end; due += 1000 / rate) {
    if (due > Date.now()) await sleep(due - Date.now());
    const start = process.hrtime.bigint();
    pending.push(client.execute(call).then(
      (reply) => seen.push({ status: reply.status, after: reply.headers['retry-after'], ms: Number(process.hrtime.bigint() - start) / 1e6 }),
      (error) => seen.push({ status: error.code ?? String(error), ms: 0 }),
    ));
  }
  await Promise.all(pending);
}

async function phase(others, greedy) {
  const end = Date.now() + SECONDS * 1000;
  const [calm, hasty] = [[], []];
  await Promise.all([
    ...others.map((client, i) => steadily(client, EACH, (i * 1000) / EACH / TENANTS, end, calm)),
    ...(greedy ? [steadily(greedy, LIMIT * OFTEN, 0, end, hasty)] : []),
  ]);
  return { calm, hasty };
}

test('fifty tenants notice nothing of one that sends ten times its limit', { timeout: 120000 }, async () => {
  const others = [];
  for (let i = 0; i < TENANTS; i++) others.push(await gateway.makeKey(`calm-${i}`));
  const greedy = await gateway.makeKey('greedy');
  await phase(others, null); /* warms both ends */
  const rounds = { alone: [], calm: [], hasty: [] };
  for (let i = 0; i < ROUNDS; i++) {
    rounds.alone.push((await phase(others, null)).calm);
    const both = await phase(others, greedy);
    rounds.calm.push(both.calm);
    rounds.hasty.push(both.hasty);
  }
  const [alone, calm, hasty] = [rounds.alone.flat(), rounds.calm.flat(), rounds.hasty.flat()];
  /* The median of the rounds: another program on the machine is no neighbour of ours. */
  const p = (all, q) => quantile(all.map((round) => quantile(round.map((one) => one.ms), q)), 0.5);
  const errors = (all) => all.filter((one) => one.status !== 200);
  const limited = hasty.filter((one) => one.status === 429);
  const rows = [['fifty alone', rounds.alone], ['fifty beside the one', rounds.calm], ['the one', rounds.hasty]].map(([what, all]) =>
    [what, all.flat().length, errors(all.flat()).filter((one) => one.status !== 429).length, all.flat().filter((one) => one.status === 429).length, p(all, 0.5).toFixed(2), p(all, 0.99).toFixed(2)]);
  for (const row of rows) console.log(`# ${row.join(' | ')}`);
  report('tenant-flood', {
    section: '5.3', title: 'One tenant at ten times its limit',
    text: `${TENANTS} tenants send ${EACH} calls a second each, of a limit of ${LIMIT}; one sends ${LIMIT * OFTEN}. ${ROUNDS} times ${SECONDS} s with and without the one in turn, quantiles are medians of these, open loop, two threads${release ? ', release build' : ''}; client, stand-ins and gateway share the machine.`,
    columns: ['who', 'calls', 'errors', '429', 'p50 ms', 'p99 ms'],
    rows: [...rows, ['p99 of the fifty, beside / alone', '', '', '', '', (p(rounds.calm, 0.99) / p(rounds.alone, 0.99)).toFixed(2)]],
  });
  assert.deepEqual(errors(calm), []);
  assert.deepEqual(errors(alone), []);
  assert.ok(calm.length >= TENANTS * EACH * SECONDS * ROUNDS * 0.9);
  assert.ok(hasty.every((one) => one.status === 200 || one.status === 429));
  assert.ok(limited.every((one) => /^[1-9]\d*$/.test(one.after)), 'every 429 says when to come again');
  for (const round of rounds.hasty) {
    const served = round.filter((one) => one.status === 200).length;
    assert.ok(served <= LIMIT * (SECONDS + 2) && served >= LIMIT * SECONDS * 0.8, `${served} served`);
  }
  /* The median is what a neighbour's load would move first; p99 on a shared machine is noise. */
  assert.ok(p(rounds.calm, 0.5) <= 2 * p(rounds.alone, 0.5) + 1, `p50 ${p(rounds.calm, 0.5)} ms beside, ${p(rounds.alone, 0.5)} ms alone`);
});
