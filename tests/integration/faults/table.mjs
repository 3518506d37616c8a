// faults.json as cells: every row × vendor × effect × route with what has to come out of it. Rules are
// the table's classes; nothing here knows the program under test.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

export const table = JSON.parse(readFileSync(new URL('faults.json', import.meta.url)));
export const vendors = ['composio', 'scalekit', 'pipedream', 'worker'];
export const effects = ['read', 'write'];
export const routes = ['fallback', 'none'];
export const DEADLINE_MS = 1200; // of calls that end by it; over a second, so that the breaker counts them
export const PATIENCE_MS = 4000; // of the others: shorter than any wait that the table asks for

// The rows that stand for several.
function spread(row) {
  if (!row.retry_after) return [row];
  return row.kinds.flatMap((kind) => ['limited', 'down'].map((what) => ({
    number: kind.number,
    name: `${row[what].status} with Retry-After: ${kind.name}`,
    class: row[what].class,
    cause: row[what].cause,
    wait: kind.wait,
    fault: { status: row[what].status, body: '{"message":"later"}', headers: kind.value === null ? {} : { 'retry-after': kind.value } },
    per_vendor: { worker: { fault: { status: row[what].status, body: row.worker[what].body, content_type: 'application/problem+json', headers: kind.value === null ? {} : { 'retry-after': kind.value } } } },
    only: { worker: { ...row.worker[what], body: undefined } },
  })));
}

export const rows = table.faults.flatMap(spread);

function overrides(row, vendor, effect, route) {
  const keys = [vendor, effect, `${vendor}/${effect}`, `${vendor}/${route}`, `${effect}/${route}`, `${vendor}/${effect}/${route}`];
  return Object.assign({}, ...keys.map((key) => row.only?.[key] ?? {}));
}

/** What a cell has to give. */
export function expectation(row, vendor, effect, route) {
  const over = overrides(row, vendor, effect, route);
  const rule = { ...table.classes[over.class ?? row.class], ...row, ...over };
  const write = effect === 'write';
  if (rule.code === 'ok') {
    return { code: 'ok', status: 200, served: vendor, attempts: 1, applied: false, executes: rule.executes ?? 1, mints: rule.mints ?? 0, failures: rule.failures ?? 'any', metric: rule.metric };
  }
  const applied = write && rule.seen;
  const timed = rule.uses_deadline === true;
  const patient = rule.again === 'if_time';
  const goesOn = !applied && !timed && rule.again !== false;
  const falls = route === 'fallback' && goesOn;
  const retries = route === 'none' && goesOn && rule.again === true && !rule.wait;
  const tries = retries ? 2 : 1;
  return {
    code: rule.code, status: rule.status, cause: rule.cause, origin: rule.origin, retryable: rule.retryable,
    applied, served: falls ? 'fallback' : null, attempts: rule.attempts ?? (falls ? 2 : tries), resent: rule.resent,
    timeout: timed || (patient && route === 'none') ? DEADLINE_MS : (rule.patient ?? PATIENCE_MS),
    executes: rule.executes ?? tries, mints: rule.mints ?? 0,
    failures: rule.failures ?? (rule.breaker ? tries : 0), metric: rule.metric, wait: rule.wait,
  };
}

const pad = (date, length) => String(date).padStart(length, '0');
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
function dateIn(seconds, form) {
  const at = new Date(Math.ceil(Date.now() / 1000 + seconds) * 1000 - 1000);
  const [day, month] = [days[at.getUTCDay()], months[at.getUTCMonth()]];
  const clock = `${pad(at.getUTCHours(), 2)}:${pad(at.getUTCMinutes(), 2)}:${pad(at.getUTCSeconds(), 2)}`;
  const date = at.getUTCDate();
  if (form === 'rfc850') return `${day}, ${pad(date, 2)}-${month}-${pad(at.getUTCFullYear() % 100, 2)} ${clock} GMT`;
  if (form === 'asctime') return `${day.slice(0, 3)} ${month} ${String(date).padStart(2)} ${clock} ${at.getUTCFullYear()}`;
  return `${day.slice(0, 3)}, ${pad(date, 2)} ${month} ${at.getUTCFullYear()} ${clock} GMT`;
}

const fill = (text, vendor, urls) => text
  .replace(/\{(imf|rfc850|asctime)\+(\d+)\}/, (_, form, seconds) => dateIn(Number(seconds), form))
  .replace(/\{(\d+)\}/, (_, count) => 'a'.repeat(Number(count)))
  .replace('{self}', `${urls[vendor]}/again`)
  .replace('{other}', `${urls[vendor === 'worker' ? 'composio' : 'worker']}/elsewhere`);

const deepFill = (value, ...rest) => {
  if (typeof value === 'string') return fill(value, ...rest);
  if (Array.isArray(value)) return value.map((one) => deepFill(one, ...rest));
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, deepFill(one, ...rest)]));
  return value;
};

const head = (length, more = '') => `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${more}Content-Length: ${length}\r\n\r\n`;
const playBytes = (before, body) => ({ play: [{ text: before }, { base64: body.toString('base64') }, { end: 'close' }] });

/** The `fault` member of the sandbox's script for a row at a vendor. */
export function script(row, vendor, urls) {
  const own = { ...row, ...row.per_vendor?.[vendor] };
  if (own.gzip) {
    let body = Buffer.from('{"ok":true}'.repeat(100));
    for (let i = 0; i < own.gzip.layers; i++) body = gzipSync(body);
    body = body.subarray(0, own.gzip.cut ?? body.length);
    return playBytes(head(body.length, `Content-Encoding: ${Array(own.gzip.layers).fill('gzip').join(', ')}\r\n`), body);
  }
  if (own.deep) {
    return { play: [{ text: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"data":' }, { text: '[', times: own.deep }, { text: ']', times: own.deep }, { text: '}' }, { end: 'close' }] };
  }
  if (own.data || own.data_base64) {
    const inner = own.data ? Buffer.from(own.data) : Buffer.from(own.data_base64, 'base64');
    const [before, behind] = table.answers[vendor].split('{json}');
    const body = Buffer.concat([Buffer.from(before), inner, Buffer.from(behind)]);
    return playBytes(head(body.length), body);
  }
  return deepFill(own.play ? { play: own.play } : own.fault, vendor, urls);
}
