// Raw sockets to the edge: start it, write bytes in pieces, see what comes back.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

/** The shared folder with corpora and baselines, or null. */
export function sharedDir() {
  const dir = process.env.SY_SHARED_DIR ?? path.join(root, '../shared');
  return existsSync(path.join(dir, 'data/corpora')) ? dir : null;
}

function findProbe() {
  const dirs = process.env.SY_BUILD_DIR
    ? [path.resolve(root, process.env.SY_BUILD_DIR)]
    : ['asan-ubsan', 'dev', 'release'].map((name) => path.join(root, 'build', name));
  return dirs.map((dir) => path.join(dir, 'tests/edge-probe')).find(existsSync) ?? null;
}

/**
 * The edge under test: SY_EDGE_ADDRESS (host:port of any server), SY_EDGE_PROBE (a program), or
 * edge-probe from the build directory. `null` when there is none.
 */
export async function startEdge(...args) {
  if (process.env.SY_EDGE_ADDRESS) {
    const [host, port] = process.env.SY_EDGE_ADDRESS.split(':');
    return { host, port: Number(port), probe: false, pid: null, stop: async () => 0 };
  }
  const program = process.env.SY_EDGE_PROBE ?? findProbe();
  if (!program) return null;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  const port = await new Promise((resolve, reject) => {
    child.stdout.once('data', (line) => resolve(Number(/:(\d+)/.exec(line.toString())[1])));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code}`)));
  });
  const stop = async () => {
    child.kill('SIGTERM');
    return exited;
  };
  return { host: '127.0.0.1', port, probe: true, pid: child.pid, stop };
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Reads a byte string of responses into [{status, headers, body}], as a client would. */
export function responses(bytes, methods = []) {
  const found = [];
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf('\r\n\r\n', at, 'latin1');
    const text = bytes.toString('latin1', at, end < 0 ? bytes.length : end);
    const start = /^HTTP\/1\.[01] (\d{3})/.exec(text);
    if (!start) break;
    const status = Number(start[1]);
    const headers = new Map(
      text.split('\r\n').slice(1).map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const method = methods[found.filter((one) => one.status >= 200).length];
    const bodiless = status < 200 || status === 204 || status === 304 || method === 'HEAD';
    const length = bodiless ? 0 : Number(headers.get('content-length') ?? 0);
    const from = end < 0 ? bytes.length : end + 4;
    found.push({ status, headers, body: bytes.subarray(from, from + length) });
    at = from + length;
  }
  return found;
}

/** A connection that gathers what arrives. */
export class Wire {
  static open(edge) {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host: edge.host, port: edge.port, noDelay: true, allowHalfOpen: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        resolve(new Wire(socket));
      });
    });
  }

  constructor(socket) {
    this.socket = socket;
    this.chunks = [];
    this.closed = false;
    this.reset = false;
    this.changed = () => {};
    socket.on('data', (chunk) => { this.chunks.push(chunk); this.changed(); });
    socket.on('end', () => { this.closed = true; this.changed(); });
    socket.on('close', () => { this.closed = true; this.changed(); });
    socket.on('error', (error) => { this.reset ||= error.code === 'ECONNRESET'; });
  }

  get bytes() {
    return Buffer.concat(this.chunks);
  }

  write(bytes) {
    if (!this.socket.destroyed && this.socket.writable) this.socket.write(bytes);
  }

  /** Waits until `done(this)` or the connection is closed, at most `ms`; true if either happened. */
  async until(done, ms) {
    const end = Date.now() + ms;
    while (!this.closed && !done(this)) {
      const left = end - Date.now();
      if (left <= 0) return false;
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.changed = () => { clearTimeout(timer); resolve(); };
      });
      this.changed = () => {};
    }
    return true;
  }

  close() {
    this.socket.destroy();
  }
}

const final = (bytes) => responses(bytes).filter((one) => one.status >= 200);

/** Waits until the server has answered a request that is easy: on a busy machine it is only late. */
async function hadItsTurn(edge) {
  const wire = await Wire.open(edge);
  wire.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await wire.until(() => final(wire.bytes).length > 0, 10000);
  wire.close();
}

/**
 * Waits for an answer from byte `from` on, then `graceMs` for a second one or the close; an answer
 * that announces the close is waited for until it comes. Without any answer it gives up when the
 * server has had `timeoutMs`, and time for another client's request.
 */
export async function settled(edge, wire, { timeoutMs, graceMs, from = 0 }) {
  const seen = () => final(wire.bytes.subarray(from));
  await wire.until(() => seen().length > 0, timeoutMs);
  if (!wire.closed && !seen().length) await hadItsTurn(edge);
  const closes = seen().some((one) => one.headers.get('connection')?.toLowerCase() === 'close');
  await wire.until(() => false, closes ? Math.max(graceMs, 3000) : graceMs);
}

/** Sends one request and tells what came: {statuses, final, closed}; see `settled`. */
export async function ask(edge, pieces, { timeoutMs = 600, graceMs = 60, gapMs = 0 } = {}) {
  const wire = await Wire.open(edge);
  for (const piece of [pieces].flat()) {
    wire.write(piece);
    if (gapMs > 0) await sleep(gapMs);
    else await new Promise((resolve) => setImmediate(resolve));
  }
  await settled(edge, wire, { timeoutMs, graceMs });
  wire.close();
  const seen = responses(wire.bytes);
  return {
    responses: seen,
    statuses: seen.map((one) => one.status),
    final: seen.filter((one) => one.status >= 200),
    closed: wire.closed,
    reset: wire.reset,
  };
}

/** Runs `work` over `items` with `width` at a time; results in order. */
export async function inParallel(items, width, work) {
  const results = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const at = next++;
      results[at] = await work(items[at], at);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}
