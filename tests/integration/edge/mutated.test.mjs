// Mutated requests from edge-mutate (tests/probe/mutate.c) at live servers: a release gateway takes
// the figure's two million, the sanitizers' gateway and edge-probe fewer. At edge-probe the number
// of answers and the refusal must be what the pure parser says of the same bytes.
// SY_MUTATIONS multiplies all three, SY_MUTATION_SEED picks others.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';

import { serveSandbox } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';
import { held, statusKb, testProgram, useRelease } from './builds.mjs';
import { startEdge } from './wire.mjs';

const mutator = testProgram('edge-mutate');
const skip = mutator ? false : 'edge-mutate is not built (SY_BUILD_DIR)';
const times = Number(process.env.SY_MUTATIONS ?? 1);
const rows = [];

function mutate(port, count, ...args) {
  return new Promise((resolve, reject) => {
    const seed = process.env.SY_MUTATION_SEED ? ['--seed', process.env.SY_MUTATION_SEED] : [];
    const child = spawn(mutator, ['--port', String(port), '--count', String(Math.round(count * times)), ...seed, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => { stdout += chunk; });
    child.stderr.on('data', (chunk) => { stderr += chunk; });
    child.once('error', reject);
    child.once('close', (code) => {
      const figures = Object.fromEntries(stdout.trim().split('\n').map((line) => line.split(' ')).map(([name, value]) => [name, Number(value)]));
      resolve({ code, figures, stderr: stderr.slice(0, 20000) });
    });
  });
}

/** Runs `count` mutations; the server must be as it was. */
async function storm(what, server, port, count, args, healthy) {
  await healthy();
  const { code, figures, stderr } = await mutate(port, count, ...args);
  await healthy();
  const left = held(port);
  const classes = (from, to) => Object.entries(figures).filter(([name]) => /^status_/.test(name) && Number(name.slice(7)) >= from && Number(name.slice(7)) < to).reduce((sum, [, n]) => sum + n, 0);
  const refusals = (figures.status_501 ?? 0) + (figures.status_505 ?? 0);
  rows.push([what, figures.requests, figures.connections, figures.answers, classes(200, 300), classes(400, 500), refusals, figures.failures, figures.wrong, figures.abandoned_open, Math.round(figures.requests / figures.seconds), statusKb(server.pid, 'VmHWM')]);
  console.log(`# ${what}: ${JSON.stringify(figures)}`);
  assert.equal(code, 0, stderr);
  assert.ok(figures.requests >= count * times && figures.failures === 0 && figures.abandoned_open === 0);
  assert.ok(left <= 1, `${left} connections are left open`); /* the kept one of `healthy` */
}

test('two million mutated requests: no failure, no second answer, nothing left open', { skip, timeout: 6e5 * Math.max(1, times) }, async (t) => {
  const before = process.env.SWITCHYARD_BIN;
  const release = useRelease();
  const gateway = await serveSandbox();
  t.after(() => gateway.signal('SIGKILL')); /* of a failed run */
  const health = async () => assert.equal((await gateway.get('/healthz')).status, 200);
  const count = release ? 2e6 : 2e5;
  if (!release) console.log('# no release build: a tenth of the figure, at the build under test');
  await storm(release ? 'gateway, release' : 'gateway', gateway, new URL(gateway.url).port, count, ['--key', gateway.key], health);
  await gateway.stop();
  if (before) process.env.SWITCHYARD_BIN = before;
  else delete process.env.SWITCHYARD_BIN;
});

test('mutated requests at the gateway of this build', { skip, timeout: 6e5 * Math.max(1, times) }, async (t) => {
  const gateway = await serveSandbox();
  t.after(() => gateway.signal('SIGKILL')); /* of a failed run */
  const health = async () => assert.equal((await gateway.get('/healthz')).status, 200);
  await storm('gateway, this build', gateway, new URL(gateway.url).port, 1e5, ['--key', gateway.key], health);
  await gateway.stop();
});

test('mutated requests at the bare edge: as many answers as the parser finds requests', { skip, timeout: 6e5 * Math.max(1, times) }, async (t) => {
  const edge = await startEdge();
  await storm('edge, this build, compared', edge, edge.port, 2e5, ['--exact'], async () => {});
  assert.equal(await edge.stop(), 0);
});

test('mutated requests, reported', { skip }, () => {
  report('http-mutated', {
    section: '5.2', title: 'Mutated requests at the live server',
    text: 'Requests of the corpora and of our own, mutated from a seed (bits, telling bytes, lines, line ends, pieces of others), pipelined over 16 connections on loopback. A failure is a 500, 502, 503 or 504; 501 and 505 are refusals of a method, coding or version. "Wrong" is an answer too many or, at the bare edge, any difference from the pure parser. Unfinished requests are left alone and must be closed within 15 s. unit.http.test_grammar reads a further two million in-process beside a grammar-only parser: 0 disagreements.',
    columns: ['at', 'requests', 'connections', 'answers', '2xx', '4xx', '501/505', 'failures', 'wrong', 'open after 15 s', 'requests/s', 'peak kB'],
    rows,
  });
});
