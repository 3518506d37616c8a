// All replies of curl's own test suite as vendor answers, raw: each gives a typed result in time, from
// every vendor's adapter. Where curl's test ends in an error of the protocol so does the call, and
// where curl reads a plain reply so does the gateway, but for the differences named below.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { corpora } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';
import { openLane } from './lane.mjs';
import { vendors } from './table.mjs';

const file = corpora && path.join(corpora, 'vendor-replies-curl/replies.jsonl');
const skip = file && existsSync(file) ? false : 'no corpora: SY_SHARED_DIR is not set';
const TIMEOUT_MS = 3000;

// curl's errors that a reply alone can cause: 8 weird reply, 18 partial, 52 nothing, 56 receive, 61 coding.
const protocolErrors = new Set(['8', '18', '52', '56', '61']);
// Answers of ours that say that the bytes were no HTTP reply to be believed.
const wireCauses = new Set(['reset', 'empty_reply', 'truncated', 'bad_framing', 'not_http', 'bad_status', 'headers_too_large', 'body_too_large', 'decompression_limit', 'bad_encoding', 'redirect_refused']);

// The markup of curl's test files.
const expand = (bytes) => Buffer.from(bytes.toString('latin1')
  .replaceAll('%CR', '\r').replaceAll('%LF', '\n').replaceAll('%SP', ' ').replaceAll('%TAB', '\t')
  .replace(/%hex\[((?:%[0-9a-fA-F]{2}|[^\]%])*)\]hex%/g, (_, text) => text.replace(/%([0-9a-fA-F]{2})/g, (__, code) => String.fromCharCode(parseInt(code, 16))))
  .replace(/%repeat\[(\d+) x ([^\]]*)\]%/g, (_, count, text) => text.replace(/%([0-9a-fA-F]{2})/g, (__, code) => String.fromCharCode(parseInt(code, 16))).repeat(Number(count))), 'latin1');

// Bytes in pieces that the fault script takes.
function play(bytes) {
  const steps = [];
  for (let at = 0; at < bytes.length; at += 500000) steps.push({ base64: bytes.subarray(at, at + 500000).toString('base64') });
  return { play: [...steps, { end: 'close' }] };
}

function replies() {
  return readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line)).flatMap((one) => one.parts.map((part) => ({
    id: one.id, name: one.name, tag: part.tag, keywords: one.keywords, alone: one.parts.length === 1, exit: String(one.curl_exit), bytes: expand(Buffer.from(part.b64, 'base64')),
  })));
}

// A reply that any reader takes: one plain head with one length or none, and all of its body.
function isPlain(bytes) {
  const text = bytes.toString('latin1');
  const end = /\r?\n\r?\n/.exec(text);
  if (!end || !/^HTTP\/1\.[01] [2-5]\d\d[ \r\n]/.test(text)) return false;
  const lines = text.slice(0, end.index).split(/\r?\n/).slice(1);
  if (!lines.every((line) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e]*$/.test(line))) return false;
  const values = (name) => lines.filter((line) => line.toLowerCase().startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trim());
  if (values('transfer-encoding').length || values('content-encoding').length || values('content-length').length > 1) return false;
  const [length] = values('content-length');
  const body = bytes.length - end.index - end[0].length;
  return length === undefined || (/^\d{1,9}$/.test(length) && body >= Number(length));
}

test('every reply of curl’s test suite, from every vendor, is a typed result in time', { skip, timeout: 900000 }, async (t) => {
  const all = replies();
  const outcomes = new Map();
  const wrong = [];
  const differs = [];
  let slowest = 0;
  const ends = await Promise.allSettled(vendors.map(async (vendor) => {
    const lane = await openLane(vendor);
    try {
      await lane.start();
      for (const [index, reply] of all.entries()) {
        if (index % 3 === 0) await lane.good(); // five failures in a row would open the breaker
        if (reply.bytes.length === 0) await lane.fault({ play: [{ end: 'close' }] }, { count: 0 });
        else await lane.fault(play(reply.bytes), { count: 0 });
        const effect = index % 2 ? 'read' : 'write';
        const started = performance.now();
        const answer = await lane.call(effect, 'none', { timeout_ms: TIMEOUT_MS });
        const elapsed = performance.now() - started;
        slowest = Math.max(slowest, elapsed);
        await lane.sandbox.clearFaults();
        const problem = answer.json;
        const where = `${vendor} ${reply.id} ${reply.tag}`;
        const typed = answer.status === 200 ? problem.successful === true : problem.code && problem.cause && problem.call_id && typeof problem.maybe_applied === 'boolean' && answer.status === problem.status;
        if (!typed || problem.code === 'internal') wrong.push(`${where}: ${answer.status} ${answer.body}`);
        if (elapsed > TIMEOUT_MS + 50 + lane.slowest) wrong.push(`${where}: ${elapsed.toFixed(0)} ms`);
        const outcome = answer.status === 200 ? 'ok / ' : `${problem.code} / ${problem.cause}`;
        const line = outcomes.get(outcome) ?? Object.fromEntries(vendors.map((name) => [name, 0]));
        line[vendor]++;
        outcomes.set(outcome, line);
        const wire = wireCauses.has(problem.cause);
        if (reply.alone && reply.bytes.length && protocolErrors.has(reply.exit) && !wire) differs.push(`${reply.id} (curl ${reply.exit}): ${outcome}`);
        if (reply.exit === '0' && isPlain(reply.bytes) && wire && problem.cause !== 'redirect_refused') differs.push(`${reply.id} ${reply.tag} (curl reads it): ${outcome}, ${vendor}`);
      }
    } finally {
      await lane.close(); // a sanitizer's complaint ends here
    }
  }));
  for (const end of ends) if (end.reason) throw end.reason;
  assert.deepEqual(wrong, []);
  assert.equal(all.length, 1644);
  const unexplained = [...new Set(differs)].filter((text) => !explained.some(([id]) => text.startsWith(`${id} `)));
  assert.deepEqual(unexplained, []);
  const rows = [...outcomes].sort((a, b) => vendors.reduce((sum, name) => sum + b[1][name] - a[1][name], 0)).map(([outcome, line]) => [...outcome.split(' / '), ...vendors.map((name) => line[name])]);
  const columns = ['code', 'cause', ...vendors];
  for (const line of [columns, columns.map(() => '---'), ...rows]) t.diagnostic(`| ${line.join(' | ')} |`);
  report('curl-replies', {
    section: '5.5 Vendor faults',
    title: 'The 1,644 replies of curl’s test suite as vendor answers',
    text: `Each reply, raw, as the answer to a call at each vendor: ${all.length * vendors.length} calls, every one a typed result, the slowest after ${slowest.toFixed(0)} ms of ${TIMEOUT_MS}; 0 crashes, 0 hangs, 0 sanitizer reports. Where curl's test ends in a protocol error (exit 8, 18, 52, 56, 61) so does the call, but for ${explained.length} tests that are named with their reasons in the test.`,
    columns, rows,
  });
});

// Tests of curl whose end comes from something else than these bytes, with what that is.
const explained = [
  ['test1060', 'the reply before it leaves bytes on its connection; a write that libcurl begins there is not sent again'],
  ['test1556', 'a head of more than 64 KiB: curl takes 100 kB a line, the gateway 64 KiB in all'],
  ['test772', 'two Location headers under a 200: later curls refuse them; a Location is nothing to the gateway'],
];
