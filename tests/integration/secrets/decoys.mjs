// One decoy credential for every shape of key that scanners know, and the search for them.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import RandExp from 'randexp';

// A small generator with a seed: a run that finds something can be repeated.
export function random(seed) {
  let state = seed >>> 0;
  return (from, to) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return from + Math.floor((state / 2 ** 32) * (to - from + 1));
  };
}

// What JavaScript's regular expressions know of the rules' Go dialect: flags inside a group go (the
// case of a letter does not matter here), POSIX classes are spelled out, anchors mean nothing.
const translated = (regex) => regex
  .replaceAll('[[:alnum:]]', '[0-9A-Za-z]').replaceAll('[:alnum:]', '0-9A-Za-z')
  .replace(/\(\?-?i\)/g, '').replace(/\(\?-?i:/g, '(?:').replace(/\(\?P<\w+>/g, '(').replaceAll('\\z', '').replaceAll('\\A', '');

// The secret is the rule's first group where it has one, as scanners take it.
function firstGroup(source) {
  let depth = 0;
  let start = -1;
  for (let i = 0, inClass = false; i < source.length; i++) {
    const c = source[i];
    if (c === '\\') i++;
    else if (inClass) inClass = c !== ']';
    else if (c === '[') inClass = true;
    else if (c === '(') {
      if (start < 0 && source[i + 1] !== '?') { start = i + 1; depth = 1; } else if (start >= 0) depth++;
    } else if (c === ')' && start >= 0 && --depth === 0) return source.slice(start, i);
  }
  return source;
}

/** [{rule, secret}] of every rule that has a pattern; printable ASCII, at least 12 bytes. */
export function decoys(corpora, seed) {
  const text = readFileSync(path.join(corpora, 'secret-patterns/gitleaks.toml'), 'utf8');
  const pick = random(seed);
  const found = [];
  for (const part of text.split('[[rules]]').slice(1)) {
    const rule = /^id = "([^"]+)"/m.exec(part)[1];
    const regex = /^regex = '''([^]*?)'''/m.exec(part)?.[1];
    if (!regex) continue;
    const maker = new RandExp(new RegExp(firstGroup(translated(regex))));
    maker.randInt = pick;
    maker.max = 40;
    maker.defaultRange.subtract(0, 127);
    maker.defaultRange.add(33, 126);
    let secret = '';
    while (secret.length < 12) secret += maker.gen().replace(/[^\x21-\x7e]/g, '_');
    found.push({ rule, secret });
  }
  return found;
}

/** The forms in which a value would be found in a dump. */
export function forms(secret) {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString('hex');
  const escaped = JSON.stringify(secret).slice(1, -1);
  const out = [secret, escaped, escaped.replaceAll('/', '\\/'), [...secret].reverse().join(''), encodeURIComponent(secret), hex, hex.toUpperCase(),
    hex.replace(/../g, '%$&'), hex.toUpperCase().replace(/../g, '%$&'), hex.replace(/../g, '\\u00$&')];
  for (const shift of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(shift, 0x20), bytes]).toString('base64').replace(/=+$/, '');
    const safe = text.slice(shift === 0 ? 0 : shift + 1, -1);
    out.push(safe, safe.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return [...new Set(out)].filter((form) => form.length >= 8);
}

/**
 * Looks for every form of every secret in `heard` ([{where, bytes}]) in one pass: four bytes pick
 * the few candidates, which are then compared whole. [`NAME as FORM in WHERE`].
 */
export function search(secrets, heard) {
  const bloom = new Uint8Array(1 << 24);
  const byStart = new Map();
  const at = (word) => (Math.imul(word, 0x9e3779b1) >>> 8);
  for (const { name, secret } of secrets) {
    for (const form of forms(secret)) {
      const needle = Buffer.from(form);
      const word = needle.readInt32LE(0);
      bloom[at(word)] = 1;
      if (!byStart.has(word)) byStart.set(word, []);
      byStart.get(word).push({ name, needle });
    }
  }
  const hits = new Set();
  for (const { where, bytes } of heard) {
    for (let i = 0; i + 8 <= bytes.length; i++) {
      const word = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
      if (!bloom[at(word)]) continue;
      for (const { name, needle } of byStart.get(word) ?? []) {
        if (bytes.compare(needle, 0, needle.length, i, Math.min(bytes.length, i + needle.length)) === 0) hits.add(`${name} as ${needle} in ${where}`);
      }
    }
  }
  return [...hits];
}
