// Our JSON reader and Node's take the same texts, bytes and all.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { corpora, root } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';

const count = Number(process.env.SY_JSON_TEXTS ?? 2000000);
const build = process.env.SY_BUILD_DIR ?? path.join(root, 'build/asan-ubsan');
const program = path.join(build, 'tests/json-verdict');
const depthMax = 512;

let state = Number(process.env.SY_SEED ?? 20260722) >>> 0;
const random = (below) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};

// A byte order mark and bad UTF-8 reach JSON.parse only if a decoder lets them.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
function depthOf(text) {
  let depth = 0;
  let deepest = 0;
  for (let i = 0, inString = false; i < text.length; i++) {
    const c = text[i];
    if (inString) { if (c === '\\') i++; else if (c === '"') inString = false; } else if (c === '"') inString = true;
    else if (c === '[' || c === '{') deepest = Math.max(deepest, ++depth);
    else if (c === ']' || c === '}') depth--;
  }
  return deepest;
}
function nodeTakes(bytes) {
  try {
    const text = decoder.decode(bytes);
    JSON.parse(text);
    return depthOf(text) <= depthMax;
  } catch {
    return false;
  }
}

// Runs our reader over all texts; one character of '0' and '1' a text.
async function ours(texts) {
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
  let verdicts = '';
  child.stdout.on('data', (chunk) => { verdicts += chunk; });
  const ended = new Promise((resolve) => child.once('close', resolve));
  for (const text of texts) {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(text.length);
    if (!child.stdin.write(Buffer.concat([head, text]))) await new Promise((resolve) => child.stdin.once('drain', resolve));
  }
  child.stdin.end();
  assert.equal(await ended, 0);
  return verdicts;
}

const own = ['{"a":1}', '[1,-0,1e400,0.1e-7,-12.5E+3]', '{"k":{"k":[true,false,null]}}', '"\\u0000\\ud800\\"\\\\\\/\\b\\f\\n\\r\\t"', '{"":"\u00e4\u20ac\ud83d\ude00"}', ' [ ] ', '123456789012345678901234567890', '{"a":1,"a":2}', '[[[[[[[[]]]]]]]]'];
const tokens = ['{', '}', '[', ']', ',', ':', '"', '\\', '\\u', '\\u0041', '\\ud83d', '\\udc00', 'true', 'false', 'null', '0', '-', '1e5', '.', '00', 'e', '+', ' ', '\t', '\n', '\r', '\v', '\0', '//', '/**/', "'", 'NaN', 'Infinity', '0x1', '\ufeff', '\u2028', '\x7f', '\x1f']
  .map((text) => Buffer.from(text)).concat([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0xf0, 0x9f], [0xef, 0xbb, 0xbf]].map((bytes) => Buffer.from(bytes)));

function mutated(seed, seeds) {
  let text = seed;
  for (let n = 1 + random(4); n > 0; n--) {
    const at = random(text.length + 1);
    const end = Math.min(text.length, at + random(4));
    const token = tokens[random(tokens.length)];
    switch (random(6)) {
      case 0: text = Buffer.concat([text.subarray(0, at), token, text.subarray(at)]); break;
      case 1: text = Buffer.concat([text.subarray(0, at), token, text.subarray(end)]); break;
      case 2: text = Buffer.concat([text.subarray(0, at), text.subarray(end)]); break;
      case 3: text = Buffer.concat([text.subarray(0, at), text.subarray(Math.max(0, at - 4), at), text.subarray(at)]); break;
      case 4: { const other = seeds[random(seeds.length)]; text = Buffer.concat([text.subarray(0, at), other.subarray(random(other.length + 1))]); break; }
      default: text = Buffer.from(text); if (at < text.length) text[at] ^= 1 << random(8);
    }
    if (text.length > 2000) text = text.subarray(0, 2000);
  }
  return text;
}

function allSeeds() {
  const found = own.map((text) => Buffer.from(text));
  const folder = corpora && path.join(corpora, 'json-nst');
  for (const one of folder && existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : []) {
    const bytes = one.isFile() && /\.json$/.test(one.name) && readFileSync(path.join(one.parentPath ?? one.path, one.name));
    if (bytes && bytes.length < 2000) found.push(bytes);
  }
  return found;
}

test('our reader and Node’s agree on every mutated text', { timeout: 1800000 }, async () => {
  const seeds = allSeeds();
  let taken = 0;
  const differ = [];
  for (let done = 0; done < count;) {
    const texts = Array.from({ length: Math.min(50000, count - done) }, () => mutated(seeds[random(seeds.length)], seeds));
    const verdicts = await ours(texts);
    assert.equal(verdicts.length, texts.length);
    texts.forEach((text, at) => {
      const node = nodeTakes(text);
      taken += node;
      if (node !== (verdicts[at] === '1') && differ.length < 20) differ.push(`Node ${node ? 'takes' : 'refuses'} ${JSON.stringify(text.toString('latin1'))}`);
    });
    done += texts.length;
  }
  assert.deepEqual(differ, []);
  assert.ok(taken > count / 50 && taken < count * 0.9, `${taken} of ${count} taken: both verdicts must occur`);
  report('json-node', {
    section: 'parsers',
    title: 'JSON beside Node',
    command: 'tests/run --only parsers',
    text: `${seeds.length} seeds mutated by tokens, bytes, splices and bit flips; a text is taken or refused by our reader and by JSON.parse behind a strict UTF-8 decoder, `
      + `both with a depth of at most ${depthMax}.`,
    columns: ['texts', 'taken by both', 'refused by both', 'disagreements'],
    rows: [[count, taken, count - taken, differ.length]],
  });
});
