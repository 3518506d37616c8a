// A load that counts. Kept connections send one call after the other and go on with a new connection
// where an answer says `Connection: close`; the others take a new connection for every call. A call
// failed if it was not answered whole, or not with 200. Nothing is tried again.
import net from 'node:net';
import tls from 'node:tls';

const end = Buffer.from('\r\n\r\n');

// One answer off a socket: {status, close, body}, or a rejection that says how far it came.
function answer(socket, bytes) {
  return new Promise((resolve, reject) => {
    let got = Buffer.alloc(0);
    const done = (fn, value) => {
      socket.off('data', onData).off('error', onError).off('close', onClose);
      fn(value);
    };
    const onError = (error) => done(reject, new Error(`${error.code ?? error.message} after ${got.length} bytes`));
    const onClose = () => done(reject, new Error(`closed after ${got.length} bytes`));
    const onData = (chunk) => {
      got = got.length ? Buffer.concat([got, chunk]) : chunk;
      const head = got.indexOf(end);
      if (head < 0) return;
      const text = got.toString('latin1', 0, head);
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? NaN);
      if (Number.isNaN(length)) return void done(reject, new Error(`no length: ${text}`));
      if (got.length < head + 4 + length) return;
      done(resolve, {
        status: Number(text.slice(9, 12)),
        close: /\r\nconnection: close/i.test(text),
        body: got.subarray(head + 4, head + 4 + length),
      });
    };
    socket.on('data', onData).on('error', onError).on('close', onClose);
    socket.write(bytes);
  });
}

export class Load {
  // `secure`: options of tls.connect. `check(json)` gives a complaint or nothing. `request(i)` may
  // give {body, headers} of its own for call number i.
  constructor({ port, key, body, kept = 8, fresh = 8, secure = null, check = () => null, request = () => ({}), expect = [200] }) {
    Object.assign(this, { port, key, body, secure, check, request, expect, widths: { kept, fresh } });
    this.kept = { calls: 0, failed: 0 };
    this.fresh = { calls: 0, failed: 0 };
    this.failures = [];
    this.stopping = false;
    this.number = 0;
  }

  connect() {
    return new Promise((resolve, reject) => {
      const at = { host: '127.0.0.1', port: this.port };
      const socket = this.secure ? tls.connect({ ...at, servername: 'localhost', ALPNProtocols: ['http/1.1'], ...this.secure }) : net.connect(at);
      socket.setNoDelay(true);
      socket.once(this.secure ? 'secureConnect' : 'connect', () => { socket.off('error', reject); resolve(socket); });
      socket.once('error', reject);
    });
  }

  bytes(close) {
    const { body = this.body, headers = {} } = this.request(this.number++);
    const text = JSON.stringify(body);
    const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
    return `POST /v1/execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${this.key}\r\nContent-Type: application/json\r\n${more}`
      + `${close ? 'Connection: close\r\n' : ''}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
  }

  async one(counts, keep, socket) {
    counts.calls++;
    try {
      socket ??= await this.connect();
      const reply = await answer(socket, this.bytes(!keep));
      const complaint = this.expect.includes(reply.status) ? reply.status === 200 && this.check(JSON.parse(reply.body.toString()))
        : `${reply.status} ${reply.body.toString().slice(0, 300)}`;
      if (complaint) throw new Error(complaint);
      if (keep && !reply.close) return socket;
      socket.on('error', () => {});
      socket.end();
    } catch (error) {
      counts.failed++;
      if (this.failures.length < 20) this.failures.push(`${keep ? 'kept' : 'new'}: ${error.message}`);
      socket?.destroy();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return null;
  }

  async worker(counts, keep) {
    let socket = null;
    while (!this.stopping) socket = await this.one(counts, keep, socket);
    socket?.destroy();
  }

  start() {
    const many = (width, counts, keep) => Array.from({ length: width }, () => this.worker(counts, keep));
    this.started = Date.now();
    this.workers = [...many(this.widths.kept, this.kept, true), ...many(this.widths.fresh, this.fresh, false)];
    return this;
  }

  async stop() {
    this.stopping = true;
    await Promise.all(this.workers);
    this.seconds = (Date.now() - this.started) / 1000;
    return this;
  }

  get failed() { return this.kept.failed + this.fresh.failed; }

  get calls() { return this.kept.calls + this.fresh.calls; }

  figures() {
    return [`${this.fresh.failed} of ${this.fresh.calls}`, `${this.kept.failed} of ${this.kept.calls}`];
  }
}

// From reliability.md §1.4: ten reloads in ten seconds under 16 clients.
export const peers = [
  ['HAProxy, 10 reloads', '0 of 72425', '20 of 325767', ''],
  ['nginx, 10 reloads', '0 of 65773', '151 of 327368', ''],
];
export const columns = ['what changed', 'failed on new connections', 'failed on kept connections', 'changes'];
