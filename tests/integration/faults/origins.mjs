// What goes wrong below HTTP (rows 1 to 9 of the table): names, ports and certificates, each as an
// origin to put into a vendor's base URL or a row's endpoint. Certificates are made when asked for.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';

// A listener whose queue is full: the system drops what comes, and a connect waits for ever.
const blackholeProgram = `
import socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(0)
held = []
for _ in range(8):
    c = socket.socket()
    c.setblocking(False)
    c.connect_ex(s.getsockname())
    held.append(c)
print(s.getsockname()[1], flush=True)
sys.stdin.read()
`;

async function blackhole() {
  const child = spawn('python3', ['-c', blackholeProgram], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  return { url: `http://127.0.0.1:${Number(line)}`, stop: () => child.stdin.end() };
}

async function closedPort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** A folder with a certificate authority; `leaf` makes a key and a certificate it has signed. */
export function certificates() {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'switchyard-certs-'));
  const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=the test authority', '-days', '30');
  const leaf = (name, alternative, { days = '30', selfSigned = false } = {}) => {
    if (selfSigned) {
      openssl('req', '-x509', ...key, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`, '-days', days, '-addext', `subjectAltName=${alternative}`);
    } else {
      writeFileSync(path.join(dir, `${name}.cnf`), `subjectAltName=${alternative}\n`);
      openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
      openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', days, '-extfile', `${name}.cnf`, '-out', `${name}.pem`);
    }
    return { key: readFileSync(path.join(dir, `${name}.key`)), cert: readFileSync(path.join(dir, `${name}.pem`)) };
  };
  return { dir, authority: path.join(dir, 'ca.pem'), leaf, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

// TLS in front of a stand-in, so that a handshake that should have failed leads to a good answer.
async function tlsFront(options, target) {
  const to = new URL(target);
  const server = tls.createServer(options, (socket) => {
    const behind = net.connect(Number(to.port), to.hostname);
    socket.on('error', () => behind.destroy());
    behind.on('error', () => socket.destroy());
    socket.pipe(behind).pipe(socket);
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `https://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

async function tlsGarbage() {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.from(Array.from({ length: 1024 }, (_, i) => (i * 7 + 1) & 255))));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `https://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

/** {url, stop} for one of the table's origins; `target` is the stand-in behind TLS. */
export async function makeOrigin(kind, target, certs) {
  const nothing = () => {};
  switch (kind) {
    case 'no-such-name': return { url: 'http://vendor.gone.test:8080', stop: nothing };
    case 'dns-hangs': return { url: 'http://vendor.hang.test:8080', stop: nothing };
    case 'refused': return { url: `http://127.0.0.1:${await closedPort()}`, stop: nothing };
    case 'blackhole': return blackhole();
    case 'tls-good': return tlsFront(certs.leaf('good', 'IP:127.0.0.1'), target);
    case 'tls-wrong-host': return tlsFront(certs.leaf('elsewhere', 'DNS:elsewhere.example'), target);
    case 'tls-expired': return tlsFront(certs.leaf('expired', 'IP:127.0.0.1', { days: '-1' }), target);
    case 'tls-self-signed': return tlsFront(certs.leaf('alone', 'IP:127.0.0.1', { selfSigned: true }), target);
    case 'tls-too-old': return tlsFront({ ...certs.leaf('old', 'IP:127.0.0.1'), minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }, target);
    case 'tls-garbage': return tlsGarbage();
    default: throw new Error(`no such origin: ${kind}`);
  }
}
