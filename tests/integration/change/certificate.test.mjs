// Inbound TLS: what is spoken, what is refused, and another certificate under load.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync, chmodSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { once } from 'node:events';
import { configured, eventually, root, run, sleep } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';
import { Load, columns, peers } from './load.mjs';
import { Gateway, certificate, echo, runs, sanitizer, sweep } from './rig.mjs';

const renewals = Number(process.env.SY_CHANGE_CERTIFICATES ?? 20);
let setup;
let pairs;
before(async () => {
  setup = await configured({ change: (text) => `${text}tls: {certificate: cert.pem, key: key.pem}\n`, prepare: ({ dir }) => {
    pairs = [certificate(dir, 'one'), certificate(dir, 'two', ['rsa:2048'])];
    put({ dir }, pairs[0]);
  } });
});
after(async () => {
  if (!setup) return;
  await sweep(setup);
  await setup.stop();
});

// One rename each, as renewal tools do.
function replace(file, bytes) {
  writeFileSync(`${file}.new`, bytes, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function put({ dir }, { pem, keyPem }) {
  replace(path.join(dir, 'cert.pem'), pem);
  replace(path.join(dir, 'key.pem'), keyPem);
}

const both = () => [pairs[0].pem, pairs[1].pem];
const connect = async (port, options = {}) => {
  const socket = tls.connect({ host: '127.0.0.1', port, servername: 'localhost', ca: both(), ...options });
  await once(socket, 'secureConnect');
  return socket;
};
const failure = (port, options) => connect(port, options).then((socket) => { socket.destroy(); return 'connected'; }, (error) => error.code ?? error.message);
const serial = async (port) => {
  const socket = await connect(port);
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
};
// All that the other side sends until it closes.
const rest = (socket) => new Promise((resolve) => {
  let got = '';
  socket.on('data', (chunk) => { got += chunk.toString('latin1'); }).on('error', (error) => { got += `<${error.code}>`; }).on('close', () => resolve(got));
});
const head = (body, more = '') => `POST /v1/execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${setup.key}\r\nContent-Type: application/json\r\n${more}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`;

// The URL is https: the rig's client is not used, calls go by Load and bare sockets.
test('TLS 1.2 and 1.3 with http/1.1 are spoken on both ports; older, other protocols and plain HTTP are not', async () => {
  const gateway = await Gateway.start(setup);
  assert.match(gateway.url, /^https:/);
  assert.match(gateway.adminUrl, /^https:/);
  const admin = Number(new URL(gateway.adminUrl).port);
  for (const port of [gateway.port, admin]) {
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      const socket = await connect(port, { minVersion: version, maxVersion: version, ALPNProtocols: ['h2', 'http/1.1'] });
      assert.deepEqual([socket.getProtocol(), socket.alpnProtocol], [version, 'http/1.1']);
      assert.match(socket.getCipher().name, /GCM|POLY1305/);
      socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      assert.match(await rest(socket), /^HTTP\/1.1 200 OK\r\n[^]*"ok"[^]*\}$/);
    }
    assert.match(await failure(port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' }), /PROTOCOL|protocol/);
    assert.match(await failure(port, { ALPNProtocols: ['h2'] }), /NO_APPLICATION_PROTOCOL|alert/i);
    assert.match(await failure(port, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256:AES128-SHA:AES128-GCM-SHA256' }), /HANDSHAKE_FAILURE|alert/i);
    const plain = net.connect(port, '127.0.0.1');
    plain.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.match(await rest(plain), /^HTTP\/1.1 400 [^]*Connection: close\r\n[^]*plain HTTP on a TLS port/);
    const noise = net.connect(port, '127.0.0.1');
    noise.write(Buffer.alloc(600, 0x80));
    assert.doesNotMatch(await rest(noise), /HTTP\/1.1 200/);
  }
  const first = await connect(gateway.port, { maxVersion: 'TLSv1.2' });
  const session = first.getSession();
  first.destroy();
  const again = await connect(gateway.port, { maxVersion: 'TLSv1.2', session });
  assert.equal(again.isSessionReused(), true);
  again.renegotiate({}, () => {});
  assert.doesNotMatch(await Promise.race([rest(again), sleep(1000).then(() => 'silence')]), /HTTP\/1.1 200/);
  again.destroy();
  await gateway.stop();
});

test('records of every size, pipelined requests, large bodies and slow readers arrive whole', async () => {
  const gateway = await Gateway.start(setup);
  const big = { ...echo, arguments: { text: 'x'.repeat(1_500_000) } };
  for (const size of [1, 7, 1000, 16384, 100000]) {
    const body = JSON.stringify(size === 1 ? echo : big);
    const socket = await connect(gateway.port);
    const all = Buffer.from(head(body, 'Connection: close\r\n') + body);
    const answered = rest(socket);
    socket.pause();
    for (let at = 0; at < all.length; at += size) if (!socket.write(all.subarray(at, at + size))) await once(socket, 'drain');
    await sleep(200);
    socket.resume();
    const reply = await answered;
    assert.match(reply, /^HTTP\/1.1 200 OK/);
    assert.deepEqual(JSON.parse(reply.slice(reply.indexOf('\r\n\r\n'))).data, JSON.parse(body).arguments);
  }
  // Several requests in one record: what OpenSSL holds is not told by epoll.
  const body = JSON.stringify(echo);
  const socket = await connect(gateway.port);
  const answered = rest(socket);
  socket.write((head(body) + body).repeat(30) + head(body, 'Connection: close\r\n') + body);
  const replies = await answered;
  assert.equal(replies.match(/HTTP\/1.1 200 OK/g).length, 31);
  assert.ok(!replies.includes('<'), 'ends without an error');
  await gateway.stop();
});

test('a handshake that is not finished falls under the head\'s deadline', { timeout: 60000 }, async () => {
  const gateway = await Gateway.start(setup);
  const started = Date.now();
  const silent = net.connect(gateway.port, '127.0.0.1');
  const slow = net.connect(gateway.port, '127.0.0.1');
  slow.write(Buffer.from([0x16, 0x03, 0x01]));
  const timer = setInterval(() => slow.write(Buffer.from([0x02])), 1500);
  const ended = await Promise.all([rest(silent), rest(slow)]).finally(() => clearInterval(timer));
  assert.ok(Date.now() - started < 20000);
  for (const text of ended) assert.doesNotMatch(text, /HTTP/);
  await gateway.stop();
});

test(`the certificate changes ${renewals} times under load: no call fails, and each new one is presented`, async () => {
  const gateway = await Gateway.start(setup);
  const load = new Load({ port: gateway.port, key: setup.key, body: echo, secure: { ca: both() }, kept: 6, fresh: 6 }).start();
  const seen = new Set();
  for (let i = 0; i < renewals; i++) {
    const before = await serial(gateway.port);
    const taken = gateway.count(/certificate and key read again/g);
    put(setup, pairs[(i + 1) % 2]);
    await eventually('the pair is read', () => gateway.count(/certificate and key read again/g) > taken, 20000);
    seen.add(before);
    assert.notEqual(await serial(gateway.port), before);
  }
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.equal(seen.size, 2);
  report('change-certificate', {
    section: 'Change', title: 'The certificate replaced under load',
    text: `Certificate and key files are replaced ${renewals} times, an EC pair and an RSA pair in turn, while 6 kept TLS connections and 6 that are new for each call send calls.`,
    columns, rows: [['Switchyard, certificate replaced', ...load.figures(), renewals], ...peers],
  });
  await gateway.stop();
});

test('a pair that does not fit or cannot be read leaves the old one in force, says so, and check says it, too', async () => {
  put(setup, pairs[0]);
  const gateway = await Gateway.start(setup);
  const old = await serial(gateway.port);
  const [cert, key] = ['cert.pem', 'key.pem'].map((name) => path.join(setup.dir, name));
  const load = new Load({ port: gateway.port, key: setup.key, body: echo, secure: { ca: both() }, kept: 2, fresh: 2 }).start();
  const encrypted = execFileSync('openssl', ['pkcs8', '-topk8', '-in', pairs[0].key, '-passout', 'pass:word']);
  const table = [
    ['another certificate', cert, pairs[1].pem, /key\.pem: is not the key of the certificate/],
    ['no PEM', cert, 'nonsense\n', /cert\.pem: /],
    ['an empty file', cert, '', /cert\.pem: /],
    ['half a certificate', cert, pairs[0].pem.subarray(0, 300), /cert\.pem: /],
    ['another key', key, pairs[1].keyPem, /key\.pem: is not the key of the certificate/],
    ['an encrypted key', key, encrypted, /key\.pem: /],
    ['an empty key', key, '', /key\.pem: /],
  ];
  for (const [name, file, bytes, says] of table) {
    const refused = gateway.count(/"event":"certificate_refused"/g);
    const at = gateway.stderr.length;
    replace(file, bytes);
    await eventually(`${name} is refused`, () => gateway.count(/"event":"certificate_refused"/g) > refused, 20000);
    assert.match(gateway.stderr.slice(at), says, name);
    assert.equal(await serial(gateway.port), old);
    const check = await run(['check', '--config', setup.file], { env: setup.env });
    assert.equal(check.code, 1, name);
    assert.match(check.stdout + check.stderr, new RegExp(`switchyard\\.yaml:\\d+:\\d+: tls: [^\\n]*${path.basename(file === cert && name !== 'another certificate' ? cert : key)}`), name);
    assert.equal(await gateway.reload(), false, name);
    const back = gateway.count(/certificate and key read again/g);
    put(setup, pairs[0]);
    await eventually('the good pair is back', () => gateway.count(/certificate and key read again/g) > back, 20000);
    await sleep(1200); // both files have been seen
  }
  chmodSync(key, 0o644);
  assert.match((await run(['check', '--config', setup.file], { env: setup.env })).stdout, /mode 0644: others/);
  chmodSync(key, 0o600);
  await load.stop();
  assert.deepEqual(load.failures, []);
  await gateway.stop();
  copyFileSync(pairs[1].cert, cert);
  const refused = await run(['serve', '--config', setup.file], { env: setup.env });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /is not the key of the certificate/);
  put(setup, pairs[0]);
});

test('a pipe in the place of certificate or key holds nothing up: it is refused, and signals are heard', async () => {
  put(setup, pairs[0]);
  const gateway = await Gateway.start(setup);
  const old = await serial(gateway.port);
  for (const name of ['cert.pem', 'key.pem']) {
    const file = path.join(setup.dir, name);
    const refused = gateway.count(/"event":"certificate_refused"/g);
    execFileSync('mkfifo', [`${file}.pipe`]);
    renameSync(`${file}.pipe`, file);
    await eventually(`${name} is refused`, () => gateway.count(/"event":"certificate_refused"/g) > refused, 10000);
    assert.match(gateway.stderr, new RegExp(`${name}: is not a regular file`));
    assert.equal(await gateway.reload(), false);
    assert.equal(await serial(gateway.port), old);
    put(setup, pairs[0]);
  }
  await gateway.stop();
});

test('the command line asks over https with SSL_CERT_FILE, and says so where the authority is unknown', async () => {
  const gateway = await Gateway.start(setup);
  const ask = (file) => run(['vendor', 'list'], { env: { SWITCHYARD_URL: gateway.url, SWITCHYARD_KEY: setup.key, SSL_CERT_FILE: file } });
  const known = await ask(pairs[0].cert);
  assert.equal(known.code, 0, known.stderr);
  assert.match(known.stdout, /composio/);
  const unknown = await ask(pairs[1].cert);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /https:\S+ does not answer: its certificate is not trusted; SSL_CERT_FILE/);
  await gateway.stop();
});

test('an upgrade under load over TLS: no call fails', async () => {
  const gateway = await Gateway.start(setup);
  const load = new Load({ port: gateway.port, key: setup.key, body: echo, secure: { ca: both() }, kept: 6, fresh: 6 }).start();
  for (let i = 0; i < 3; i++) {
    await sleep(300);
    const old = await gateway.upgrade();
    await eventually('the process before has ended', () => !runs(old), 60000);
    await eventually('its successor knows', () => gateway.count(/has answered all its calls and ended/g) === i + 1, 10000);
  }
  await load.stop();
  assert.deepEqual(load.failures, []);
  await gateway.stop();
});

const resident = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;

// Sanitizers keep what was freed, so that nothing could be said of them: a release build tells.
const release = [process.env.SY_RELEASE_BIN, path.join(root, 'build/release/switchyard')].filter(Boolean).find(existsSync);
const watched = sanitizer() && !release && 'a build with sanitizers, and no release build (SY_RELEASE_BIN)';

async function startRelease() {
  const { SWITCHYARD_BIN } = process.env;
  if (release) process.env.SWITCHYARD_BIN = release;
  try {
    return await Gateway.start(setup);
  } finally {
    if (SWITCHYARD_BIN) process.env.SWITCHYARD_BIN = SWITCHYARD_BIN; else delete process.env.SWITCHYARD_BIN;
  }
}

test('what an idle TLS connection holds is bounded', { skip: watched }, async () => {
  const gateway = await startRelease();
  const body = JSON.stringify(echo);
  const settle = async (count) => {
    const sockets = [];
    for (let i = 0; i < count; i++) {
      const socket = await connect(gateway.port);
      socket.write(head(body) + body);
      await once(socket, 'data');
      sockets.push(socket);
    }
    return sockets;
  };
  const warm = await settle(20);
  const before = resident(gateway.pid);
  const idle = await settle(300);
  const each = (resident(gateway.pid) - before) / idle.length;
  for (const socket of [...warm, ...idle]) socket.destroy();
  // OpenSSL's two buffers, kept, would be 34 KB more.
  assert.ok(each < 64 * 1024, `${each} bytes`);
  report('change-tls-memory', {
    section: 'Change', title: 'An idle TLS connection',
    text: 'Resident memory of the process per kept TLS 1.3 connection that has made a call and idles, over 300 of them.',
    columns: ['what', 'bytes'], rows: [['Switchyard, one idle TLS connection', Math.round(each)]],
  });
  await gateway.stop();
});
