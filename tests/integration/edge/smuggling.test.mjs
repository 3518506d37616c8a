// Every spelling of Transfer-Encoding beside and before a length, alone, pipelined and cut, at
// edge-probe, which echoes bodies: what it read is compared with what the oracle reads.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { report } from '../report.mjs';
import { teSpellings } from './corpora.mjs';
import { reading } from './grammar.mjs';
import { inParallel, responses, sharedDir, sleep, startEdge, Wire } from './wire.mjs';

const shared = sharedDir();
const edge = process.env.SY_EDGE_ADDRESS ? null : await startEdge();
const skip = !shared ? 'the shared folder with the corpora is absent (SY_SHARED_DIR)'
  : !edge ? 'edge-probe is not built (SY_BUILD_DIR, SY_EDGE_PROBE)' : false;
/* Cuts of each request that go over the wire; SY_EDGE_CUTS=all sends every one. */
const CUTS = process.env.SY_EDGE_CUTS ?? '4';
const WIDTH = 32;

before(() => {
  if (skip) console.log(`# skipped: ${skip}`);
});

after(async () => {
  if (edge) assert.equal(await edge.stop(), 0);
});

const HOST = 'Host: localhost\r\n';
const SMUGGLED = `0\r\n\r\nGET /smuggled HTTP/1.1\r\n${HOST}\r\n`;
const BEFORE = `POST /before HTTP/1.1\r\n${HOST}Content-Length: 6\r\n\r\nbefore`;
const BEHIND = `POST /behind HTTP/1.1\r\n${HOST}Content-Length: 6\r\n\r\nbehind`;

const FORMS = {
  'CL.TE': (line) => `POST / HTTP/1.1\r\n${HOST}${line}\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  'TE.CL': (line) => `POST / HTTP/1.1\r\n${HOST}Content-Length: 4\r\n${line}\r\n\r\n2f\r\nGET /smuggled HTTP/1.1\r\n${HOST}X: yy\r\n\r\n0\r\n\r\n`,
};

/** Ours is stricter than the grammar, and says so by a refusal: a name that some gateway takes for
 *  Transfer-Encoding is not let through where no length stands beside it (net's parser.h). */
function mayRefuse(status) {
  return [400, 501].includes(status);
}

/** What came against what the oracle reads: null, or what is wrong. */
function compare(expected, wire) {
  const final = responses(wire.bytes).filter((one) => one.status >= 200);
  const taken = final.filter((one) => one.status < 400);
  const refusals = final.slice(taken.length);
  if (refusals.length > 1 || refusals.some((one) => one.status < 400)) return 'an answer behind a refusal';
  if (taken.length > expected.bodies.length) return 'a second response';
  /* A GET is answered "ok"; a POST's body comes back. */
  const other = taken.findIndex((one, i) => one.body.toString('latin1') !== (expected.bodies[i] || 'ok\n') && expected.bodies[i] !== '');
  if (other >= 0) return `another body in answer ${other}`;
  if (refusals.length) {
    if (!wire.closed) return 'refused and open';
    return expected.ends === 'wrong' || mayRefuse(refusals[0].status) ? null : `refused with ${refusals[0].status}`;
  }
  if (taken.length < expected.bodies.length) return 'an answer is missing';
  return expected.ends === 'wrong' ? 'accepted what has no reading' : null;
}

async function converse(pieces, expected) {
  const wire = await Wire.open(edge);
  for (const piece of pieces) {
    wire.write(piece);
    if (pieces.length > 1) await sleep(3);
  }
  const answers = () => responses(wire.bytes).filter((one) => one.status >= 200).length;
  /* A wrong end is closed; else the last answer, and a moment for one too many. */
  const all = await wire.until(() => expected.ends !== 'wrong' && answers() >= expected.bodies.length, 5000);
  if (all && expected.ends !== 'wrong') await wire.until(() => false, 40);
  wire.close();
  return wire;
}

function cutsOf(bytes, i) {
  if (CUTS === 'all') return Array.from({ length: bytes.length - 1 }, (_, at) => at + 1);
  return Array.from({ length: Number(CUTS) }, (_, n) => 1 + ((i * 7919 + n * 104729) % (bytes.length - 1)));
}

const MODES = {
  alone: (bytes) => [[bytes]],
  pipelined: (bytes) => [[Buffer.concat([Buffer.from(BEFORE), bytes, Buffer.from(BEHIND)])]],
  split: (bytes, i) => cutsOf(bytes, i).map((at) => [bytes.subarray(0, at), bytes.subarray(at)]),
};

async function runMode(rows, form, mode) {
  const tally = { cases: 0, connections: 0, refused: 0, once: 0, more: 0, unfinished: 0, wrong: [] };
  await inParallel(rows, WIDTH, async (row, i) => {
    const bytes = Buffer.from(FORMS[form](row.line), 'latin1');
    tally.cases++;
    for (const pieces of MODES[mode](bytes, i)) {
      const expected = reading(Buffer.concat(pieces));
      const wire = await converse(pieces, expected);
      const fault = compare(expected, wire);
      const final = responses(wire.bytes).filter((one) => one.status >= 200);
      const taken = final.filter((one) => one.status < 400).length - (mode === 'pipelined' ? 1 : 0);
      tally.connections++;
      if (fault) tally.wrong.push(`${row.name}: ${fault} (${final.map((one) => one.status)})`);
      if (taken <= 0 && wire.closed && final.length) tally.refused++;
      else if (taken === 1 + (mode === 'pipelined')) tally.once++;
      else if (taken > 0) tally.more++;
      else tally.unfinished++;
    }
  });
  return tally;
}

/* Of the six that are grammatical and another field one, Transfer_Encoding, ends its connection: with
 * more behind it in the same packet it is refused. */
const lines = [];
for (const form of Object.keys(FORMS)) {
  for (const mode of Object.keys(MODES)) {
    test(`${form}, ${mode}: every Transfer-Encoding spelling is read as the oracle reads it`, { skip, timeout: CUTS === 'all' ? 36e5 : 300000 }, async () => {
      const rows = teSpellings(path.join(shared, 'data/corpora'));
      const tally = await runMode(rows, form, mode);
      lines.push([form, mode, tally.cases, tally.connections, tally.refused, tally.once, tally.more, tally.unfinished, tally.wrong.length]);
      for (const one of tally.wrong.slice(0, 10)) console.log(`# ${one}`);
      console.log(`# ${form} ${mode}: ${tally.connections} connections, ${tally.refused} refused and closed, ${tally.once} read once, ${tally.more} more often as told, ${tally.unfinished} wait for more`);
      assert.equal(rows.length, 1703);
      assert.deepEqual(tally.wrong, []);
      if (form === 'CL.TE' && mode !== 'split') assert.deepEqual([tally.refused, tally.once], mode === 'alone' ? [1697, 6] : [1698, 5]);
    });
  }
}

test('the spellings, reported', { skip }, () => {
  report('http-te-spellings', {
    section: '5.2', title: 'Transfer-Encoding spellings',
    text: 'The 1,703 distinct spellings of defparam/smuggler beside a Content-Length, the length before or behind, alone, between two good requests, and cut in two. What the edge answered is compared with an RFC 9112 oracle in JavaScript: number of answers, bodies as echoed, refusal and close. Every cut of every request is tried in-process by unit.http.test_pieces. Six lines are grammatical fields that are not Transfer-Encoding. Peers (data/baselines, CL.TE alone): accepted of 1,703 by Varnish 7.1 13, Apache 2.4.71 16, HAProxy 2.6.12 47, nginx 1.22.1 910 (it drops invalid names), libmicrohttpd 0.9.75 1,173.',
    columns: ['form', 'sent', 'spellings', 'connections', 'refused and closed', 'read once', 'read as two, as the length says', 'wait for more', 'other than the oracle'],
    rows: lines,
  });
});
