// Names that SQLite reads as something else than the file system does.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { program } from '../gateway/gateway.mjs';

let dir;
before(() => { dir = mkdtempSync(path.join(os.tmpdir(), 'switchyard-backup-')); });
after(() => rmSync(dir, { recursive: true, force: true }));

const own = (...args) => {
  const done = spawnSync(program(), [...args, '--config', 'switchyard.yaml'], { cwd: dir, encoding: 'utf8' });
  assert.equal(done.status, 0, done.stdout + done.stderr);
};
const isDatabase = (file) => {
  assert.equal(readFileSync(path.join(dir, file)).toString('latin1', 0, 15), 'SQLite format 3', file);
  assert.equal(statSync(path.join(dir, file)).mode & 0o777, 0o600, file);
};

test('store and backup are the files that they are called, whatever a URL would mean, for their owner alone', () => {
  for (const store of ['plain.db', 'file:store.db?mode=ro', 'file:']) {
    writeFileSync(path.join(dir, 'switchyard.yaml'), `listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nstore: "sqlite:${store}"\n`);
    own('tenant', 'create', 'acme');
    isDatabase(store);
  }
  const names = ['b.db', 'file:b.db', 'file:c.db?vfs=none', 'a?b#c%20.db', "quo'te.db", ':memory:'];
  for (const name of names) {
    own('backup', name);
    isDatabase(name);
  }
  assert.ok(!existsSync(path.join(dir, 'store.db')));
  assert.deepEqual(readdirSync(dir).filter((name) => name.includes('partial')), []);
});
