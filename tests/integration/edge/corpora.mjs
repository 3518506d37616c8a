// Reads the public request corpora from the shared folder into {name, bytes, …} rows.

import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

const CRLF = '\r\n';

function lines(file) {
  return readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

/** Http11Probe: one row per case, with the bytes of each step; the Host names our port. */
export function http11probe(corpora, port) {
  const dir = path.join(corpora, 'http11probe');
  const load = (file) => {
    const text = readFileSync(path.join(dir, file)).toString('latin1');
    return Buffer.from(text.replaceAll('localhost:8080', `localhost:${port}`), 'latin1');
  };
  return lines(path.join(dir, 'cases.jsonl')).map((row) => ({
    ...row,
    steps: row.steps.map((step) => load(step.file)),
  }));
}

/** llhttp's strict requests; those without Host get one, because that is not what they test. */
export function llhttp(corpora) {
  return lines(path.join(corpora, 'http-llhttp/cases.jsonl'))
    .filter((row) => row.type === 'request')
    .map((row) => ({
      name: row.name,
      mustFail: Boolean(row.error),
      bytes: withHost(Buffer.from(row.input_b64, 'base64').toString('latin1'), !row.error),
    }));
}

/* In the bad ones only the first request gets it: what comes behind may be meant as no request. */
function withHost(text, everywhere) {
  if (/host:/i.test(text)) return Buffer.from(text, 'latin1');
  const absolute = /^\s*[A-Z-]+ [a-z]+:\/\/(?:[^/?# ]*@)?([^/?# ]+)/.exec(text);
  const host = `Host: ${absolute ? absolute[1] : 'localhost'}${CRLF}`;
  const line = everywhere ? /((?:^|\r\n)[A-Z-]+ [^\r\n]+\r\n)/g : /^((?:\r\n)?[^\r\n]+\r\n)/;
  return Buffer.from(text.replace(line, `$1${host}`), 'latin1');
}

/** smuggler: every distinct spelling of a Transfer-Encoding line. */
export function teSpellings(corpora) {
  const groups = JSON.parse(readFileSync(path.join(corpora, 'http-smuggler/te-mutations.json'), 'utf8'));
  const names = new Map();
  for (const [group, rows] of Object.entries(groups))
    for (const [name, line] of Object.entries(rows)) names.set(line, `${group}/${name}`);
  return [...names].map(([line, name]) => ({ name, line }));
}

/** HTTP Garden: the payloads that are requests and were not shortened by their source. */
export function garden(corpora) {
  const named = { r: '\r', n: '\n', t: '\t', 0: '\0', v: '\v', f: '\f' };
  return lines(path.join(corpora, 'http-garden/payloads.jsonl'))
    .filter((row) => /^[A-Z]+ .*HTTP\/1/.test(row.payload) && !row.payload.includes('...'))
    .map((row) => ({
      name: `${row.section} ${row.n}`,
      bug: row.bug,
      bytes: Buffer.from(
        row.payload.replace(/\\x([0-9a-fA-F]{2})|\\([rnt0vf])/g, (_, hex, letter) =>
          hex ? String.fromCharCode(parseInt(hex, 16)) : named[letter]),
        'latin1',
      ),
    }));
}

/** AWS HTTP desync guardian: the requests of its test files with their tier. */
export function guardian(corpora) {
  const dir = path.join(corpora, 'http-desync-guardian/tests');
  const cases = readdirSync(dir).filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => readCases(readFileSync(path.join(dir, name), 'utf8')));
  return cases.map((row) => {
    const fields = row.headers.map(({ name, value }) => `${name}: ${value}${CRLF}`);
    if (!fields.some((field) => /host:/i.test(field))) fields.unshift(`Host: localhost${CRLF}`);
    const head = `${row.method} ${row.uri} ${row.version}${CRLF}${fields.join('')}${CRLF}`;
    return { name: row.name, tier: row.tier, bytes: Buffer.from(head, 'utf8') };
  });
}

/** The files are lists of flat maps with one list of flat maps inside: indentation tells which. */
function readCases(text) {
  const cases = [];
  for (const line of text.split('\n')) {
    const pair = /^( *)(- )?([A-Za-z_]+):(?: (.*))?$/.exec(line);
    if (!pair || /^\s*#/.test(line)) continue;
    const depth = pair[1].length + (pair[2] ? 2 : 0);
    const value = scalar(pair[4] ?? '');
    if (depth === 2 && pair[2])
      cases.push({ method: 'GET', uri: '/', version: 'HTTP/1.1', headers: [], [pair[3]]: value });
    else if (depth === 2 && !['headers', 'expected'].includes(pair[3])) cases.at(-1)[pair[3]] = value;
    else if (depth === 6 && pair[2]) cases.at(-1).headers.push({ name: '', value: '', [pair[3]]: value });
    else if (depth === 6) cases.at(-1).headers.at(-1)[pair[3]] = value;
    else if (depth === 4) cases.at(-1)[pair[3]] = value;
  }
  return cases;
}

function scalar(text) {
  const trimmed = text.trim();
  if (trimmed.startsWith("'")) return trimmed.slice(1, trimmed.lastIndexOf("'")).replaceAll("''", "'");
  if (!trimmed.startsWith('"')) return trimmed.replace(/\s+#.*$/, '');
  const named = { n: '\n', r: '\r', t: '\t', 0: '\0', b: '\b', f: '\f', v: '\v', e: '\x1b', a: '\x07' };
  return trimmed.slice(1, trimmed.lastIndexOf('"'))
    .replace(/\\(?:x([0-9a-fA-F]{2})|(.))/gs, (_, hex, one) =>
      hex ? String.fromCharCode(parseInt(hex, 16)) : named[one] ?? one);
}
