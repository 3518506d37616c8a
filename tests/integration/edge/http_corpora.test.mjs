// The edge against the public request corpora, in a table beside nginx, HAProxy, Apache and
// libmicrohttpd. Verdicts are about edge-probe, which is our edge with nothing behind it; with
// SY_EDGE_ADDRESS=host:port another server is measured and only the table is printed.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import * as read from './corpora.mjs';
import { report } from '../report.mjs';
import { classify, isAccepted, isRefused, judge } from './verdicts.mjs';
import { ask, inParallel, responses, settled, sharedDir, sleep, startEdge, Wire } from './wire.mjs';

const WIDTH = 24;
const shared = sharedDir();
const corpora = shared && path.join(shared, 'data/corpora');
const edge = await startEdge();
const skip = !corpora ? 'the shared folder with the corpora is absent (SY_SHARED_DIR)'
  : !edge ? 'edge-probe is not built (SY_BUILD_DIR, SY_EDGE_PROBE)' : false;
const strict = edge?.probe ?? false;
const ours = {};

/** Grammatical lines that are not Transfer-Encoding: the body is read by its length. */
const OTHER_FIELDS = 6;

/** The guardian's compliant requests that the grammar refuses. */
const GUARDIAN_REFUSED = new Map([
  ['TE with custom parameters OK', 'RFC 9112 §7: chunked has no parameters'],
  ['Transfer-Encoding with a param: chunked;custom_param', 'RFC 9112 §7: chunked has no parameters'],
  ['International in URI', 'RFC 3986 §2: a URI is ASCII'],
  ['Empty URI', 'RFC 9112 §3.2: origin-form starts with a slash'],
]);

/** HTTP Garden payloads that are right: the bug was in how a server read them. */
const GARDEN_VALID = new Map([
  ['Server Bugs 41', 'RFC 9110 §5.5: obs-text at the ends of a value is no white space'],
  ['Server Bugs 48', 'RFC 9112 §9.3.2: two pipelined requests'],
  ['Server Bugs 4', 'RFC 9112 §7.1: a chunked body'],
]);

/** A request that says close, then more bytes: refused when they are there in time, else answered
 *  and closed. They are read as a request in neither case. */
const TIMING_DECIDES = new Set([
  'No restart when keep-alive is off (1.0)',
  'CRLF between requests, explicit `close`',
  'CRLF between requests, explicit `close` followed by tab',
]);

async function classOf(bytes, options) {
  return classify(await ask(edge, bytes, options));
}

function tally(kinds) {
  const counts = {};
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

before(() => {
  if (skip) console.log(`# skipped: ${skip}`);
});

after(async () => {
  if (edge) await edge.stop();
});

async function runProbeCase(row) {
  const wire = await Wire.open(edge);
  const steps = [];
  for (const bytes of row.steps) {
    if (wire.closed) {
      steps.push(undefined);
      continue;
    }
    const from = wire.bytes.length;
    const fresh = () => responses(wire.bytes.subarray(from));
    wire.write(bytes);
    await settled(edge, wire, { timeoutMs: 1500, graceMs: 150, from });
    const seen = fresh();
    steps.push({
      statuses: seen.map((one) => one.status),
      final: seen.filter((one) => one.status >= 200),
      closed: wire.closed,
    });
  }
  wire.close();
  return { id: row.id, level: row.level, expected: row.expected, verdict: judge(row, steps), steps };
}

test('Http11Probe: none of the 161 scored cases fails', { skip, timeout: 120000 }, async () => {
  const rows = read.http11probe(corpora, edge.port).filter((row) => row.scored);
  const results = await inParallel(rows, 8, runProbeCase);
  const failed = results.filter((one) => one.verdict === 'fail');
  ours.h11 = tally(results.map((one) => one.verdict));
  ours.must = results.filter((one) => one.level === 'Must' && one.verdict === 'fail').length;
  for (const one of failed.concat(results.filter((other) => other.verdict === 'warn')))
    console.log(`# ${one.verdict} ${one.id}: ${one.steps.map((s) => s?.statuses.join() || '-').join(' | ')} (${one.expected})`);
  if (!strict) return;
  assert.equal(results.length, 161);
  assert.equal(failed.length, 0);
  assert.ok((ours.h11.warn ?? 0) <= 10, `${ours.h11.warn} warnings`);
});

test('llhttp: none of the 65 bad requests is accepted', { skip, timeout: 60000 }, async () => {
  const rows = read.llhttp(corpora).filter((row) => row.mustFail);
  const kinds = await inParallel(rows, WIDTH, (row) => classOf(row.bytes));
  const accepted = rows.filter((_, i) => isAccepted(kinds[i]));
  ours.llhttp = accepted.length;
  for (const row of accepted) console.log(`# accepted: ${row.name}`);
  if (!strict) return;
  assert.equal(rows.length, 65);
  assert.equal(accepted.length, 0);
});

test('llhttp: all 69 valid requests are accepted', { skip: skip || (!strict && 'needs edge-probe'), timeout: 60000 }, async () => {
  const rows = read.llhttp(corpora).filter((row) => !row.mustFail);
  const answers = await inParallel(rows, WIDTH, (row) => ask(edge, row.bytes));
  /* Whose bytes end early is waited for; a method the probe does not know is its 501. */
  const refused = rows.filter((row, i) => (answers[i].closed && answers[i].final.length === 0) ||
    answers[i].final.some((one) => one.status >= 400 && !one.headers.has('x-edge-probe')));
  assert.equal(rows.length, 69);
  assert.deepEqual(refused.map((row) => row.name), []);
});

/* The grammatical lines that are some other field: what follows their length is a request. */
let otherFields = new Set();

const SMUGGLED = '0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n';

function clTe(line) {
  return Buffer.from(`POST / HTTP/1.1\r\nHost: localhost\r\n${line}\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`, 'latin1');
}

function teCl(line) {
  return Buffer.from(`POST / HTTP/1.1\r\nHost: localhost\r\n${line}\r\nContent-Length: 4\r\n\r\n` +
    '2f\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\nX: yy\r\n\r\n0\r\n\r\n', 'latin1');
}

test('smuggler: 1,697 of 1,703 Transfer-Encoding spellings beside a length are refused', { skip, timeout: 300000 }, async () => {
  const rows = read.teSpellings(corpora);
  const answers = await inParallel(rows, WIDTH, (row) => ask(edge, clTe(row.line)));
  const kinds = answers.map(classify);
  ours.clte = tally(kinds);
  ours.clteAccepted = kinds.filter(isAccepted).length;
  if (!strict) return;
  assert.equal(rows.length, 1703);
  assert.equal(kinds.filter((kind) => kind === 'refused and closed' || kind === 'closed').length, rows.length - OTHER_FIELDS);
  assert.equal(ours.clteAccepted, OTHER_FIELDS);
  otherFields = new Set(rows.filter((_, i) => isAccepted(kinds[i])).map((row) => row.name));
  for (const answer of answers) assert.ok(answer.final.length <= 1, 'a second response');
});

test('smuggler: no Transfer-Encoding spelling in TE.CL order gets a second reading', { skip: skip || (!strict && 'needs edge-probe'), timeout: 300000 }, async () => {
  const rows = read.teSpellings(corpora).filter((row) => !otherFields.has(row.name));
  const answers = await inParallel(rows, WIDTH, (row) => ask(edge, teCl(row.line)));
  const answered = rows.filter((_, i) => answers[i].final.some((one) => one.status < 400));
  assert.equal(rows.length, 1703 - OTHER_FIELDS);
  assert.deepEqual(answered.map((row) => row.name), []);
});

test('desync guardian: severe and ambiguous requests are refused, compliant ones answered', { skip, timeout: 60000 }, async () => {
  const rows = read.guardian(corpora);
  const answers = await inParallel(rows, WIDTH, (row) => ask(edge, row.bytes));
  const kinds = answers.map(classify);
  const of = (tier, test_) => rows.filter((row, i) => row.tier === tier && test_(kinds[i], answers[i]));
  ours.severe = of('Severe', (kind) => !isRefused(kind)).length;
  ours.ambiguous = of('Ambiguous', (kind) => !isRefused(kind)).length;
  if (!strict) return;
  const closed = (kind) => kind === 'refused and closed' || kind === 'closed';
  assert.deepEqual(of('Severe', (kind) => !closed(kind)).map((row) => row.name), []);
  assert.deepEqual(of('Ambiguous', (kind) => !closed(kind)).map((row) => row.name), []);
  /* Those with a length have no body in the file: waiting for it is the right answer. */
  const wrong = of('Compliant', (kind, answer) => kind === 'closed' ||
    answer.final.some((one) => !one.headers.has('x-edge-probe')));
  for (const row of wrong) console.log(`# refused: ${row.name}: ${GUARDIAN_REFUSED.get(row.name) ?? 'NOT LISTED'}`);
  assert.deepEqual(wrong.map((row) => row.name).filter((name) => !GUARDIAN_REFUSED.has(name)), []);
});

test('HTTP Garden: payloads of published bugs', { skip, timeout: 60000 }, async () => {
  const rows = read.garden(corpora);
  const answers = await inParallel(rows, WIDTH, (row) => ask(edge, row.bytes));
  const accepted = rows.filter((_, i) => isAccepted(classify(answers[i])));
  ours.garden = accepted.length;
  for (const row of accepted) console.log(`# accepted: ${row.name}: ${GARDEN_VALID.get(row.name) ?? row.bug}`);
  if (!strict) return;
  assert.equal(rows.length, 71);
  assert.deepEqual(accepted.map((row) => row.name).filter((name) => !GARDEN_VALID.has(name)), []);
});

test('the verdict is the same byte by byte and in two pieces', { skip: skip || (!strict && 'needs edge-probe'), timeout: 300000 }, async () => {
  const rows = [
    ...read.llhttp(corpora), ...read.garden(corpora), ...read.guardian(corpora),
    ...read.http11probe(corpora, edge.port).filter((row) => row.steps.length === 1)
      .map((row) => ({ name: row.id, bytes: row.steps[0] })),
  ].filter((row) => row.bytes.length > 1 && row.bytes.length <= 1200 && !TIMING_DECIDES.has(row.name));
  const told = (answer) => `${classify(answer)} ${answer.final.map((one) => one.status)}`;
  const patient = { timeoutMs: 800, graceMs: 120 };
  const different = [];
  await inParallel(rows, 48, async (row, i) => {
    const whole = told(await ask(edge, row.bytes, patient));
    const bytes = told(await ask(edge, [...row.bytes].map((byte) => Buffer.from([byte])), { ...patient, gapMs: 1 }));
    const cut = 1 + ((i * 7919) % (row.bytes.length - 1));
    const two = told(await ask(edge, [row.bytes.subarray(0, cut), row.bytes.subarray(cut)], { ...patient, gapMs: 15 }));
    if (bytes !== whole || two !== whole) different.push(`${row.name}: ${whole} / ${bytes} / ${two}`);
  });
  console.log(`# ${rows.length} requests in three ways`);
  assert.deepEqual(different, []);
});

function baseline(name) {
  const file = (kind) => path.join(shared, `data/baselines/${kind}_${name}.json`);
  const h11 = existsSync(file('h11')) ? JSON.parse(readFileSync(file('h11'), 'utf8')).filter((row) => row.scored) : [];
  const corp = existsSync(file('corp')) ? JSON.parse(readFileSync(file('corp'), 'utf8')) : {};
  const count = (prefix, kinds) => {
    const found = Object.entries(corp).find(([key]) => key.startsWith(prefix));
    return found ? Object.entries(found[1]).reduce((sum, [kind, n]) => sum + (kinds.includes(kind) ? n : 0), 0) : '-';
  };
  const taken = ['2xx', '2xx+close', 'two-2xx'];
  const verdict = (wanted) => h11.filter((row) => row.v === wanted).length;
  return [
    ['pass', 'warn', 'see', 'fail'].map(verdict).join(' / '),
    h11.filter((row) => row.level === 'Must' && row.v === 'fail').length,
    corp['_llhttp accepted']?.length ?? '-',
    count('smuggler', taken),
    count('desync Severe', [...taken, '2xx-then-4xx', 'hang']),
    count('desync Ambiguous', [...taken, '2xx-then-4xx', 'hang']),
    count('garden', taken),
  ];
}

test('the table beside the peers', { skip }, async () => {
  await sleep(0);
  const h11 = ours.h11 ?? {};
  const columns = [
    [strict ? 'switchyard' : process.env.SY_EDGE_ADDRESS,
      [['pass', 'warn', 'see', 'fail'].map((verdict) => h11[verdict] ?? 0).join(' / '), ours.must, ours.llhttp, ours.clteAccepted, ours.severe, ours.ambiguous, ours.garden]],
    ...[['nginx', 'nginx_proxy'], ['HAProxy', 'haproxy_proxy'], ['Apache', 'apache_proxy'],
      ['libmicrohttpd', 'mhd1'], ['mhd + checks', 'mhdhard']].map(([title, name]) => [title, baseline(name)]),
  ];
  /* libmicrohttpd's counts of the other corpora are kept without its level. */
  columns[4][1].splice(2, 5, ...baseline('mhd').slice(2));
  const titles = ['Http11Probe pass / warn / see / fail (161)', 'its MUSTs failed (111)', 'llhttp bad ones accepted (65)',
    'TE spellings accepted with a length (1703)', 'guardian severe not refused (58)',
    'guardian ambiguous not refused (58)', 'HTTP Garden accepted (71)'];
  const line = (cells) => `# | ${cells.map((cell, i) => String(cell).padEnd(i ? 17 : 43)).join(' | ')} |`;
  console.log(line(['', ...columns.map(([title]) => title)]));
  titles.forEach((title, i) => console.log(line([title, ...columns.map(([, cells]) => cells[i] ?? '-')])));
  if (!strict) return;
  report('http-corpora', {
    section: '5.2', title: 'Public request corpora',
    text: `Peers as measured with the same corpora (data/baselines: nginx 1.22.1, HAProxy 2.6.12, Apache 2.4.71 as proxies, libmicrohttpd 0.9.75 bare and with every check an application can make). What HTTP Garden's payloads we accept is right by the RFC: ${[...GARDEN_VALID.values()].join('; ')}. Of the guardian's compliant requests four are refused: ${[...new Set(GUARDIAN_REFUSED.values())].join('; ')}.`,
    columns: ['corpus', ...columns.map(([title]) => title)],
    rows: titles.map((title, i) => [title, ...columns.map(([, cells]) => cells[i] ?? '-')]),
  });
  for (const [, cells] of columns.slice(1))
    assert.ok(Number(cells[0].split('/')[3]) >= (h11.fail ?? 0), 'a peer fails fewer cases than we do');
});
