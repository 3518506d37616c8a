// An RFC 9112 oracle: what a connection's bytes say, by the grammar alone, slowly and whole. Written
// apart from the product's parser and from the grammar reader in C. Where the RFC lets a recipient
// choose between refusing and repairing it refuses: bytes with two readings have none.

const TCHAR = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]";
const REQUEST_LINE = new RegExp(`^${TCHAR}+ (\\*|/[\\x21-\\x7e]*|https?://[\\x21-\\x7e]+) HTTP/1\\.([01])$`, 'i');
const FIELD_LINE = new RegExp(`^(${TCHAR}+):[ \\t]*((?:[\\x21-\\x7e\\x80-\\xff](?:[\\t\\x20-\\x7e\\x80-\\xff]*[\\x21-\\x7e\\x80-\\xff])?)?)[ \\t]*$`);
const TOKEN = new RegExp(`^${TCHAR}+$`);
const QUOTED = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"';
const CHUNK_LINE = new RegExp(`^([0-9A-Fa-f]+)(?:[ \\t]*;[ \\t]*${TCHAR}+(?:[ \\t]*=[ \\t]*(?:${TCHAR}+|${QUOTED}))?)*$`);
const HOST = /^(?:\[[0-9A-Fa-f:.]{2,}\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)(?::\d*)?$/;

const WRONG = { wrong: true };
const PART = { part: true };

/** The codings of all Transfer-Encoding lines: 'chunked', or null for what has no reading. */
function codings(values) {
  const named = values.flatMap((value) => value.split(',')).map((one) => one.replace(/^[ \t]+|[ \t]+$/g, '')).filter(Boolean);
  if (!named.every((one) => TOKEN.test(one))) return null;
  const last = named.length - 1;
  return named.length && named.every((one, i) => (one.toLowerCase() === 'chunked') === (i === last)) ? 'chunked' : null;
}

function framing(fields, minor) {
  const all = (name) => fields.filter((field) => field.name === name).map((field) => field.value);
  const [encodings, lengths, hosts] = [all('transfer-encoding'), all('content-length'), all('host')];
  if (hosts.length > 1 || (hosts.length === 0 && minor === 1) || !hosts.every((host) => HOST.test(host))) return null;
  if (encodings.length && (lengths.length || minor === 0)) return null;
  if (encodings.length) return codings(encodings);
  if (lengths.length > 1 || !lengths.every((one) => /^\d+$/.test(one) && BigInt(one) < 1n << 64n)) return null;
  return lengths.length ? Number(lengths[0]) : 0;
}

function fieldLines(lines) {
  const fields = lines.map((line) => FIELD_LINE.exec(line));
  return fields.every(Boolean) ? fields.map(([, name, value]) => ({ name: name.toLowerCase(), value })) : null;
}

/** A chunked body at the start of `text`: {body, end}. */
function chunks(text) {
  let body = '';
  for (let at = 0; ;) {
    const end = text.indexOf('\r\n', at);
    if (end < 0) return PART;
    const line = CHUNK_LINE.exec(text.slice(at, end));
    if (!line || line[1].replace(/^0+/, '').length > 16) return WRONG;
    const size = parseInt(line[1], 16);
    at = end + 2;
    if (size === 0) return trailers(text, at, body);
    if (text.length < at + size + 2) return PART;
    if (text.slice(at + size, at + size + 2) !== '\r\n') return WRONG;
    body += text.slice(at, at + size);
    at += size + 2;
  }
}

function trailers(text, from, body) {
  if (text.startsWith('\r\n', from)) return { body, end: from + 2 };
  const end = text.indexOf('\r\n\r\n', from);
  if (end < 0) return PART;
  return fieldLines(text.slice(from, end).split('\r\n')) ? { body, end: end + 4 } : WRONG;
}

/** One request at the start of `text`: {body, end, close}, WRONG, or PART when it is not whole. */
function request(text) {
  const from = /^(?:\r\n)*/.exec(text)[0].length;
  const end = text.indexOf('\r\n\r\n', from);
  if (end < 0) return PART;
  const [first, ...rest] = text.slice(from, end).split('\r\n');
  const line = REQUEST_LINE.exec(first);
  const fields = line && fieldLines(rest);
  const minor = line && Number(line[2]);
  const how = fields ? framing(fields, minor) : null;
  if (how === null) return WRONG;
  const close = minor === 0 || fields.some(({ name, value }) => name === 'connection' && /(^|,)[ \t]*close[ \t]*(,|$)/i.test(value));
  const start = end + 4;
  if (how !== 'chunked')
    return text.length < start + how ? PART : { body: text.slice(start, start + how), end: start + how, close };
  const read = chunks(text.slice(start));
  return read.end === undefined ? read : { body: read.body, end: start + read.end, close };
}

/** All of a connection: the bodies of its requests in order, and how it ends: whole, part or wrong. */
export function reading(bytes) {
  let text = bytes.toString('latin1');
  const bodies = [];
  while (text) {
    const one = request(text);
    if (one.end === undefined) return { bodies, ends: one.wrong ? 'wrong' : 'part' };
    bodies.push(one.body);
    text = text.slice(one.end);
    if (one.close) break;
  }
  return { bodies, ends: 'whole' };
}
