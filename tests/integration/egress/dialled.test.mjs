// Whatever a row or a vendor's redirect says, only public addresses are dialled, and only the one the
// URL names: counted below the program, at connect().
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { configured, corpora, eventually, inParallel } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';

const build = process.env.SY_BUILD_DIR ?? path.resolve('build/asan-ubsan');
const shim = path.join(build, 'tests/sy-dialled.so');
const skip = existsSync(shim) ? false : `skipped: ${shim} is not built`;
const skipCorpora = skip || (corpora ? false : 'skipped: no corpora');
const names = {
  'local.test': '127.0.0.1', 'any.test': '0.0.0.0', 'mapped.test': '::ffff:10.1.2.3', 'six.test': '::1', 'metadata.test': '169.254.169.254',
  'mixed.test': '8.9.10.11,10.0.0.1', 'mixed-first.test': '10.0.0.1,8.9.10.11', 'all-private.test': '192.168.1.1,172.16.0.1,fd00::1',
  'nat64.test': '64:ff9b::a00:1', 'public.test': '8.1.2.3',
};

let setup;
let gateway;
let log;
before(async () => {
  if (skip) return;
  setup = await configured({
    allow: '[]',
    env: { LD_PRELOAD: shim, ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:verify_asan_link_order=0`, SY_NAMES: Object.entries(names).map(([name, list]) => `${name}=${list}`).join(' ') },
    prepare: ({ dir, env }) => { log = path.join(dir, 'dialled'); env.SY_DIALLED = log; },
  });
  gateway = await setup.serve();
});
after(async () => {
  if (skip) return;
  await gateway.stop();
  await setup.stop();
});

// Blocks of the IANA special-purpose registries, written down here apart from the product's.
const special = new net.BlockList();
for (const [block, bits] of [['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.0.0.0', 24], ['192.0.2.0', 24],
  ['192.168.0.0', 16], ['198.18.0.0', 15], ['198.51.100.0', 24], ['203.0.113.0', 24], ['224.0.0.0', 4], ['240.0.0.0', 4]]) special.addSubnet(block, bits, 'ipv4');
for (const [block, bits] of [['::', 96], ['64:ff9b:1::', 48], ['100::', 64], ['2001:db8::', 32], ['fc00::', 7], ['fe80::', 10], ['fec0::', 10], ['ff00::', 8]]) special.addSubnet(block, bits, 'ipv6');
const isSpecial = (address) => special.check(address, net.isIPv6(address) ? 'ipv6' : 'ipv4');

// The address that the shim gives a name it has no list for.
function madeFrom(name) {
  let hash = 2166136261;
  for (const c of Buffer.from(name.toLowerCase())) hash = Math.imul(hash ^ c, 16777619) >>> 0;
  return `8.${hash >>> 24}.${(hash >>> 16) & 255}.${(hash >>> 8) & 255}`;
}

const own = () => new Set(Object.entries(setup.sandbox).filter(([name]) => name.endsWith('_url')).map(([, url]) => Number(new URL(url).port)));
// [{address, port}] dialled since the last look, without the configuration's own stand-ins.
function dialled() {
  if (!existsSync(log)) return [];
  const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean);
  rmSync(log);
  const ours = own();
  return lines.map((line) => ({ address: line.split(' ')[0], port: Number(line.split(' ')[1]) }))
    .filter(({ address, port }) => !(address === '127.0.0.1' && ours.has(port)));
}

let serial = 0;
async function worker(endpoint) {
  const toolkit = `dial${++serial}`;
  const put = await gateway.request('PUT', `/v1/registry/toolkits/${toolkit}`, {
    headers: { 'if-none-match': '*' }, body: [{ toolkit, vendor: 'worker', endpoint, secret: 'billing', adr: 'ADR-1', status: 'LIVE' }],
  });
  return put.status === 201 ? toolkit : null;
}

// Tries every line; how many were refused as rows, refused as addresses, or dialled where they point.
async function tryAll(lines) {
  const seen = { 'row refused': 0, 'address refused': 0, dialled: 0 };
  dialled();
  for (const line of lines) {
    const toolkit = await worker(line);
    if (!toolkit) {
      seen['row refused']++;
      assert.deepEqual(dialled(), [], line);
      continue;
    }
    const reply = await gateway.execute({ tool: `${toolkit}_go`, timeout_ms: 3000 });
    const found = dialled();
    assert.notEqual(reply.status, 200, `${line}: ${reply.body}`);
    for (const { address } of found) assert.ok(!isSpecial(address), `${line} dialled ${address}`);
    seen[found.length ? 'dialled' : 'address refused']++;
    if (!found.length) {
      assert.equal(reply.json.cause, 'egress_refused', `${line}: ${reply.body}`);
      continue;
    }
    // Where we go is where the URL standard says it points.
    // A label that only looks like punycode is no URL to the standard; to us it is the name it spells.
    const readable = line.replace(/xn--/gi, 'xn-');
    assert.ok(URL.canParse(line) || (/xn--/i.test(line) && URL.canParse(readable)), `${JSON.stringify(line)} is no URL and was dialled at ${JSON.stringify(found)}`);
    const url = new URL(URL.canParse(line) ? line : readable);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const name = URL.canParse(line) ? host : host.replace('xn-', 'xn--');
    const wanted = net.isIP(name) ? name : madeFrom(name);
    const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
    for (const one of found) assert.deepEqual(one, { address: wanted, port }, `${line} dialled ${one.address}`);
  }
  return seen;
}

const shown = [];
const show = (what, count, seen) => shown.push([what, count, seen['row refused'], seen['address refused'], seen.dialled, 0, 0]);

test('the watch sees: a public name is dialled at the address that the resolver gave', { skip }, async () => {
  const toolkit = await worker('http://public.test:8081/x');
  dialled();
  const reply = await gateway.execute({ tool: `${toolkit}_go`, timeout_ms: 3000 });
  assert.equal(reply.status, 503, reply.body.toString());
  assert.deepEqual(dialled()[0], { address: '8.1.2.3', port: 8081 });
});

test('every line of the SSRF lists as an endpoint: nothing is dialled that is not public', { skip: skipCorpora, timeout: 300000 }, async () => {
  const lines = ['urls-payloadsallthethings.txt', 'urls-seclists.txt'].flatMap((name) => readFileSync(path.join(corpora, 'ssrf', name), 'utf8').split('\n')).filter(Boolean);
  show('SSRF lists', lines.length, await tryAll(lines));
});

test('every URL of the URL standard’s tests as an endpoint: nothing else is dialled than it names', { skip: skipCorpora, timeout: 300000 }, async () => {
  const cases = JSON.parse(readFileSync(path.join(corpora, 'url-wpt/urltestdata.json'), 'utf8')).filter((one) => typeof one === 'object');
  const inputs = [...new Set(cases.map((one) => one.input).filter(Boolean))];
  show('URL standard', inputs.length, await tryAll(inputs));
});

test('a name is judged by its addresses, not by itself', { skip }, async () => {
  for (const name of ['local.test', 'any.test', 'mapped.test', 'six.test', 'metadata.test', 'all-private.test', 'nat64.test']) {
    const toolkit = await worker(`http://${name}:8081/`);
    dialled();
    const reply = await gateway.execute({ tool: `${toolkit}_go`, timeout_ms: 3000 });
    assert.equal(reply.json.cause, 'egress_refused', `${name}: ${reply.body}`);
    assert.deepEqual(dialled(), [], name);
  }
  for (const name of ['mixed.test', 'mixed-first.test']) {
    const toolkit = await worker(`http://${name}:8081/`);
    dialled();
    const reply = await gateway.execute({ tool: `${toolkit}_go`, timeout_ms: 3000 });
    assert.notEqual(reply.status, 200);
    for (const one of dialled()) assert.equal(one.address, '8.9.10.11', name);
  }
  show('names: loopback, mapped, metadata, mixed …', 9, { 'row refused': 0, 'address refused': 7, dialled: 2 });
});

test('a redirect is followed nowhere', { skip }, async () => {
  const targets = ['http://169.254.169.254/latest/meta-data/', 'http://127.0.0.1:1/', 'http://10.0.0.1/', 'http://[::1]/', 'http://[::ffff:10.0.0.1]/', 'http://0/', 'http://2130706433/', 'http://0x7f.1/', 'http://localhost/',
    'http://public.test/', 'https://public.test/', 'http://local.test/', 'http://mixed.test/', 'http://metadata.test/', '//127.0.0.1/', '//public.test/x', '/elsewhere', 'elsewhere', '?x', '', 'file:///etc/passwd',
    'ftp://127.0.0.1/', 'gopher://127.0.0.1:6379/_x', 'dict://127.0.0.1:11211/', 'javascript:alert(1)', 'http://user:pass@127.0.0.1/'];
  let refused = 0;
  for (const target of targets) {
    for (const vendor of ['composio', 'scalekit', 'pipedream']) {
      await setup.sandbox.fault({ vendor, path: vendor === 'pipedream' ? '*/run' : '*execute*', fault: { redirect: target } });
      dialled();
      const reply = await gateway.execute({ tool: 'echo_echo', vendor, user_id: 'user_123' });
      await setup.sandbox.clearFaults();
      assert.deepEqual([reply.status, reply.json.cause], [502, 'redirect_refused'], `${vendor} ${target}: ${reply.body}`);
      assert.deepEqual(dialled(), [], target);
      assert.equal((await gateway.execute({ tool: 'echo_echo', vendor, user_id: 'user_123' })).status, 200);
      refused++;
    }
  }
  show('redirects of three vendors', refused, { 'row refused': 0, 'address refused': refused, dialled: 0 });
});

test('CR, LF, NUL and DEL reach no request line, header or query', { skip: skipCorpora, timeout: 120000 }, async () => {
  const lines = [...readFileSync(path.join(corpora, 'ssrf/crlf-injection.txt'), 'utf8').split('\n').filter(Boolean),
    ...['\r\nX-Injected: 1', '\nX-Injected: 1', '\rX-Injected: 1', 'a\0b', 'a\x7fb', '\u2028X-Injected: 1', '\u560a\u560dX-Injected: 1', '%0d%0aX-Injected: 1'].map((text) => `v${text}`)];
  const places = {
    user_id: (text) => ({ body: { tool: 'echo_echo', user_id: text } }),
    connection_id: (text) => ({ body: { tool: 'echo_echo', user_id: 'user_123', connection_id: text } }),
    tool: (text) => ({ body: { tool: `echo_${text}`, user_id: 'user_123' } }),
    'an argument': (text) => ({ body: { tool: 'echo_echo', user_id: 'user_123', arguments: { [text]: text } } }),
    'Idempotency-Key': (text) => ({ body: { tool: 'echo_echo', user_id: 'user_123', idempotency_key: text } }),
    traceparent: (text) => ({ body: { tool: 'echo_echo', user_id: 'user_123' }, headers: { traceparent: text.replace(/[^\x20-\x7e]/g, '') } }),
  };
  const counts = {};
  await setup.sandbox.reset();
  for (const vendor of ['composio', 'scalekit', 'pipedream']) {
    for (const [place, make] of Object.entries(places)) {
      await inParallel(lines, 8, async (text) => {
        const { body, headers } = make(text);
        const reply = await gateway.execute({ ...body, vendor, timeout_ms: 5000 }, { headers });
        assert.ok(reply.status < 500 || reply.json.origin !== 'gateway', `${place} ${JSON.stringify(text)}: ${reply.status} ${reply.body}`);
        assert.ok(!Object.keys(reply.headers).some((name) => /injected|crlf/i.test(name)) && !String(reply.headers['set-cookie'] ?? '').includes('crlf'));
        counts[place] = (counts[place] ?? 0) + 1;
      });
      const sent = await setup.sandbox.requests('limit=1000');
      for (const one of sent) {
        assert.ok(!Object.keys(one.headers).some((name) => /injected/i.test(name)), JSON.stringify(one));
        assert.doesNotMatch(one.target, /[\x00-\x20\x7f]/);
      }
      await setup.sandbox.reset();
    }
  }
  const total = Object.values(counts).reduce((a, b) => a + b, 0);
  shown.push(['CR LF, NUL, DEL in six places at three vendors', total, '–', '–', '–', 0, 0]);
});

test('the table', { skip: skipCorpora }, () => {
  report('egress', {
    section: 'egress',
    title: 'Egress guard',
    command: 'tests/run --only egress',
    text: 'What was given as a worker\'s endpoint or as a vendor\'s redirect, and what was dialled, counted at connect() below the program. Every name had an address made '
      + 'from it, so that a dialled address tells which name it was meant for; Node\'s reader of the URL standard said which name that should be.',
    columns: ['what', 'tried', 'refused as a row', 'refused as an address', 'public, dialled', 'dialled, not public', 'dialled another host, or injected'],
    rows: shown,
  });
  assert.ok(shown.length >= 4);
});
