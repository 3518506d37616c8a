// JSON texts that a relay may be tempted to change, made from a seed: the same seed, the same texts.

/** mulberry32: small, even enough, and the same on every machine. */
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  next.below = (limit) => Math.floor(next() * limit);
  next.of = (list) => list[next.below(list.length)];
  return next;
}

const numbers = [
  '0', '-0', '1', '-1', '9007199254740993', '18446744073709551615', '18446744073709551616', '-9223372036854775809', '1e400', '-1E-400', '1E+2', '0e0',
  '1.0', '1.50', '0.1', '1.0000000000000000000000001', '123456789012345678901234567890', '5e-324', '2.2250738585072011e-308', '1e0007',
];
const escapes = ['\\"', '\\\\', '\\/', '\\b', '\\f', '\\n', '\\r', '\\t', '\\u0000', '\\u001f', '\\u00e9', '\\u00E9', '\\ud83d\\ude00', '\\ud800', '\\udc00x', '\\uFFFF', '\\u2028'];
const letters = ['a', 'Z', ' ', '/', '{', '}', '[', ':', ',', "'", '<', '&', 'é', 'ß', '漢', '字', '\u{1f600}', '\u2028', '\u2029', '\u00a0', '\u007f', '\uffff', '\u{10ffff}', 'data', 'ret', 'arguments'];
const names = ['v', 'a', 'A', '', 'data', 'error', 'ret', 'successful', 'arguments', '__proto__', '$', 'os', 'id', '\\u0061', 'é'];
const gaps = ['', '', '', '', ' ', '\n', '\t', '\r\n', '  \t'];

function text(random) {
  let out = '';
  for (let left = random.below(random() < 0.05 ? 400 : 12); left > 0; left--) out += random() < 0.4 ? random.of(escapes) : random.of(letters);
  return `"${out}"`;
}

function number(random) {
  if (random() < 0.5) return random.of(numbers);
  let out = random() < 0.3 ? '-' : '';
  out += random() < 0.3 ? '0' : String(1 + random.below(9)) + Array.from({ length: random.below(25) }, () => random.below(10)).join('');
  if (random() < 0.4) out += `.${Array.from({ length: 1 + random.below(25) }, () => random.below(10)).join('')}`;
  if (random() < 0.3) out += random.of(['e', 'E']) + random.of(['', '+', '-']) + random.below(500);
  return out;
}

function value(random, depth) {
  const gap = () => random.of(gaps);
  const kind = random.below(depth > 0 ? 10 : 6);
  if (kind < 2) return number(random);
  if (kind < 4) return text(random);
  if (kind < 6) return random.of(['true', 'false', 'null', '{}', '[]', '[ ]', '{\n}']);
  const count = random.below(5);
  const items = Array.from({ length: count }, () => {
    const inner = gap() + value(random, depth - 1) + gap();
    return kind < 8 ? inner : `${gap()}${random() < 0.6 ? `"${random.of(names)}"` : text(random)}${gap()}:${inner}`;
  });
  return kind < 8 ? `[${items.join(',')}]` : `{${items.join(',')}}`;
}

/** `count` JSON texts as bytes; every hundredth is deep, every thousandth is large. */
export function documents(seed, count) {
  const next = random(seed);
  return Array.from({ length: count }, (_, i) => {
    if (i % 1000 === 999) return Buffer.from(`[${Array.from({ length: 20000 }, () => number(next)).join(',')}]`);
    if (i % 100 === 99) {
      const levels = 1 + next.below(500);
      const core = value(next, 1);
      return Buffer.from(next() < 0.5 ? '['.repeat(levels) + core + ']'.repeat(levels) : '{"v":'.repeat(levels) + core + '}'.repeat(levels));
    }
    return Buffer.from(value(next, 4));
  });
}
