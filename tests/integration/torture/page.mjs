// The page shared with switchyard-torture: struct control of tests/torture/faults.c.
import { closeSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { root } from '../gateway/gateway.mjs';

export const kinds = { allocation: 0, 'system call': 1 };
const at = { count: 0, failAt: 8, forGood: 16, struck: 20, call: 24 };
const names = ['', 'malloc', 'calloc', 'realloc', 'aligned_alloc', 'curl malloc', 'sqlite malloc',
  ...[...readFileSync(path.join(root, 'tests/torture/calls.def'), 'utf8').matchAll(/^CALL\((\w+),/gm)].map((match) => match[1])];

export class Page {
  constructor(file) {
    writeFileSync(file, Buffer.alloc(64));
    this.file = file;
    this.fd = openSync(file, 'r+');
  }

  get(offset) {
    const bytes = Buffer.alloc(4);
    readSync(this.fd, bytes, 0, 4, offset);
    return bytes.readUInt32LE();
  }

  set(offset, value) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value >>> 0);
    writeSync(this.fd, bytes, 0, 4, offset);
  }

  count(kind) { return this.get(at.count + 4 * kinds[kind]); }

  // The nth call from now on fails; the count goes on in other threads meanwhile, a few at most.
  arm(kind, nth, forGood) {
    this.set(at.struck, 0);
    this.set(at.forGood, forGood ? 1 : 0);
    this.set(at.failAt + 4 * kinds[kind], this.count(kind) + nth);
  }

  disarm() {
    this.set(at.failAt, 0);
    this.set(at.failAt + 4, 0);
    return { struck: this.get(at.struck), call: names[this.get(at.call)] };
  }

  close() { closeSync(this.fd); }
}
