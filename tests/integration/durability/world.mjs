// A store folder that gateways are killed on: starting them (with the shim of tests/shim in front of
// the disk where a test wants it), ending them, making of the folder what a power cut would leave,
// and asking SQLite what it thinks of the result.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { Client, configured, program, root } from '../gateway/gateway.mjs';

/** A release build starts fast enough to be killed hundreds of times. */
export const binary = process.env.SY_RELEASE_BIN && fs.existsSync(process.env.SY_RELEASE_BIN)
  ? process.env.SY_RELEASE_BIN : program();
export const shim = [process.env.SY_BUILD_DIR, path.dirname(program()), path.join(root, 'build/asan-ubsan')].filter(Boolean)
  .map((dir) => path.join(dir, 'tests/sy-storage.so')).find(fs.existsSync);

export const op = { create: 1, write: 2, truncate: 4, allocate: 8, sync: 16, unlink: 32, rename: 64, mkdir: 128, all: 255 };
export const place = { database: 1, log: 2, journal: 4, other: 8, all: 15 };
export const errno = { EIO: 5, ENOSPC: 28, EROFS: 30 };

/** The 64 bytes that a test shares with the shim. */
export class Control {
  constructor(file) {
    fs.writeFileSync(file, Buffer.alloc(64));
    Object.assign(this, { file, fd: fs.openSync(file, 'r+') });
  }

  #at(index, value) {
    const bytes = Buffer.alloc(4);
    if (value === undefined) {
      fs.readSync(this.fd, bytes, 0, 4, 4 * index);
      return bytes.readUInt32LE();
    }
    bytes.writeUInt32LE(value);
    fs.writeSync(this.fd, bytes, 0, 4, 4 * index);
    return value;
  }

  get count() { return this.#at(0); }
  get failed() { return this.#at(5); }

  begin(killAt = 0, places = 0) {
    this.#at(1, 0);
    this.#at(0, 0);
    this.#at(7, places);
    this.#at(1, killAt);
  }

  fail(ops, places, number) {
    this.#at(4, number);
    this.#at(3, places);
    this.#at(5, 0);
    this.#at(2, ops);
  }

  heal() { this.#at(2, 0); }

  syncTakes(microseconds) { this.#at(6, microseconds); }

  close() { fs.closeSync(this.fd); }
}

export class World {
  static async create({ durability = 'process', rows = '', onFailure = 'refuse', change = (text) => text } = {}) {
    const setup = await configured({
      rows,
      change: (text) => change(`${text}ledger: {durability: ${durability}, on_failure: ${onFailure}}\n`),
    });
    return new World(setup);
  }

  constructor(setup) {
    Object.assign(this, {
      setup, dir: setup.dir, file: setup.file, key: setup.key, var: path.join(setup.dir, 'var'),
      store: path.join(setup.dir, 'var/switchyard.db'), image: path.join(setup.dir, 'image'), starts: [], children: new Set(),
    });
    this.control = new Control(path.join(setup.dir, 'control'));
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  }

  /** `disk`: the shim is in front of it; `image`: and keeps what a power cut would leave. */
  shimmed({ disk = false, image = false }) {
    if (!disk && !image) return {};
    if (image) {
      fs.rmSync(this.image, { recursive: true, force: true });
      fs.mkdirSync(this.image);
    }
    return { LD_PRELOAD: shim, SY_SHIM_ROOT: this.var, SY_SHIM_CONTROL: this.control.file, ...(image ? { SY_SHIM_IMAGE: this.image } : {}) };
  }

  async serve(options = {}) {
    const began = process.hrtime.bigint();
    const child = spawn(options.binary ?? binary, ['serve', '--config', this.file],
      { env: { ...process.env, ...this.setup.env, ...this.shimmed(options) }, stdio: ['ignore', 'pipe', 'pipe'] });
    const gateway = { child, stdout: '', stderr: '', client: null };
    this.children.add(child);
    child.once('close', () => this.children.delete(child));
    gateway.exited = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
    child.stderr.on('data', (chunk) => { gateway.stderr += chunk; });
    await new Promise((resolve, reject) => {
      child.stdout.on('data', (chunk) => {
        gateway.stdout += chunk;
        if (/metrics at (http:\S+)\/metrics/.test(gateway.stdout)) resolve();
      });
      gateway.exited.then((how) => reject(new Error(`the gateway ended: ${JSON.stringify(how)}\n${gateway.stderr}`)));
    });
    gateway.startMs = Number(process.hrtime.bigint() - began) / 1e6;
    this.starts.push(gateway.startMs);
    gateway.client = new Client(/listens on (http:\S+)/.exec(gateway.stdout)[1], this.key, this.agent);
    gateway.admin = new Client(/metrics at (http:\S+)\/metrics/.exec(gateway.stdout)[1], null);
    gateway.metrics = async () => (await gateway.admin.get('/metrics')).body.toString();
    gateway.kill = async () => {
      child.kill('SIGKILL');
      return gateway.exited;
    };
    gateway.stop = async () => {
      child.kill('SIGTERM');
      return gateway.exited;
    };
    return gateway;
  }

  run(args, options = {}) {
    return new Promise((resolve) => {
      const child = spawn(options.binary ?? binary, args,
        { env: { ...process.env, ...this.setup.env, ...this.shimmed(options) }, stdio: ['ignore', 'pipe', 'pipe'] });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (chunk) => { stdout += chunk; });
      child.stderr.on('data', (chunk) => { stderr += chunk; });
      child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    });
  }

  /** The store's files as they are now, in a folder of their own. */
  copy(name) {
    const to = path.join(this.dir, name);
    fs.rmSync(to, { recursive: true, force: true });
    fs.cpSync(this.var, to, { recursive: true });
    return to;
  }

  restore(name) {
    fs.rmSync(this.var, { recursive: true, force: true });
    fs.cpSync(path.join(this.dir, name), this.var, { recursive: true });
  }

  /**
   * Replaces the folder by what is left after a power cut. Without `chance` nothing that was not
   * synced is there; with it (a function that gives true or false) each page of each file and each
   * name may be there or not.
   */
  cutPower(chance = null) {
    const cut = `${this.var}.cut`;
    fs.rmSync(cut, { recursive: true, force: true });
    rebuild(this.image, this.var, fs.statSync(this.var).ino, cut, chance);
    fs.rmSync(this.var, { recursive: true, force: true });
    fs.renameSync(cut, this.var);
  }

  /** Ends what a failed test left running. */
  async sweep() {
    const ended = [...this.children].map((child) => new Promise((resolve) => child.once('close', resolve)));
    for (const child of this.children) child.kill('SIGKILL');
    await Promise.all(ended);
  }

  async end() {
    await this.sweep();
    this.agent.destroy();
    this.control.close();
    await this.setup.stop();
  }
}

const PAGE = 4096;

/** Any subset of the pages that differ: a disk writes what it likes until it is told to sync. */
function mixed(durable, live, chance) {
  const size = durable.length === live.length || chance() ? live.length : durable.length;
  const out = Buffer.alloc(size);
  durable.copy(out, 0, 0, size);
  for (let at = 0; at < Math.min(size, live.length); at += PAGE) {
    const page = live.subarray(at, Math.min(at + PAGE, size));
    if (page.compare(out, at, at + page.length) !== 0 && chance()) page.copy(out, at);
  }
  return out;
}

function read(file) {
  return fs.existsSync(file) ? fs.readFileSync(file) : null;
}

function rebuild(image, live, ino, to, chance) {
  const names = new Map();
  const listing = read(path.join(image, `dir-${ino}`));
  for (const line of (listing ?? '').toString().split('\n').filter(Boolean)) {
    const [number, ...name] = line.split(' ');
    names.set(name.join(' '), Number(number));
  }
  if (chance && fs.existsSync(live)) {
    const now = new Map(fs.readdirSync(live).map((name) => [name, fs.lstatSync(path.join(live, name)).ino]));
    for (const [name, number] of now) if (names.get(name) !== number && chance()) names.set(name, number);
    for (const name of [...names.keys()]) if (!now.has(name) && chance()) names.delete(name);
  }
  fs.mkdirSync(to, { mode: 0o700 });
  for (const [name, number] of names) {
    const where = path.join(live, name);
    const isHere = fs.existsSync(where) && fs.lstatSync(where).ino === number;
    if ((isHere && fs.lstatSync(where).isDirectory()) || fs.existsSync(path.join(image, `dir-${number}`))) {
      rebuild(image, where, number, path.join(to, name), chance);
      continue;
    }
    const durable = read(path.join(image, `ino-${number}`)) ?? Buffer.alloc(0);
    const latest = isHere ? where : path.join(image, `limbo-${number}`);
    fs.writeFileSync(path.join(to, name), chance ? mixed(durable, read(latest) ?? durable, chance) : durable, { mode: 0o600 });
  }
}

/** SQLite's own opinion, from another program than ours. */
export class Sqlite {
  constructor() {
    const script = `
import json, sqlite3, sys
for line in sys.stdin:
    request = json.loads(line)
    try:
        db = sqlite3.connect(request["path"], timeout=request.get("timeout", 5), isolation_level=None)
        rows = [row for sql in request["sql"] for row in db.execute(sql).fetchall()]
        if not request.get("keep"): db.close()
        else: kept = db
        answer = {"rows": [[c.hex() if isinstance(c, bytes) else c for c in row] for row in rows]}
    except Exception as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
`;
    this.child = spawn('python3', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.waiting = [];
    let rest = '';
    this.child.stdout.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop();
      for (const line of lines) this.waiting.shift()(JSON.parse(line));
    });
  }

  /** All rows that the statements give. */
  async ask(file, ...sql) {
    return this.request({ path: file, sql });
  }

  async request(request) {
    const answer = await new Promise((resolve) => {
      this.waiting.push(resolve);
      this.child.stdin.write(`${JSON.stringify(request)}\n`);
    });
    if (answer.error) throw new Error(`sqlite: ${answer.error}`);
    return answer.rows;
  }

  async integrity(file) {
    return (await this.ask(file, 'PRAGMA integrity_check')).map(([text]) => text).join('; ');
  }

  end() { this.child.kill(); }
}

/** Numbers that come again with the same seed. */
export function random(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
