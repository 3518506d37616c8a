// The manual pages are well-formed, and say all that the program and its tables know.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, run } from './program.mjs';

const pages = ['switchyard.1', 'switchyard.yaml.5', 'switchyard-policy.5'];
const source = (name) => readFileSync(join(root, name), 'utf8');
const rendered = (page) =>
  // Overstruck letters become letters.
  spawnSync('mandoc', ['-Tascii', join(root, 'docs/man', page)], { encoding: 'utf8' }).stdout.replace(/.\u0008/g, '');
const missing = spawnSync('mandoc', ['-h']).error ? 'mandoc is not installed' : false;

for (const page of pages)
  test(`${page} is clean`, { skip: missing }, () => {
    const { stdout, stderr } = spawnSync('mandoc', ['-Tlint', join(root, 'docs/man', page)], { encoding: 'utf8' });
    // The pages refer to one another before they are installed.
    const faults = (stdout + stderr).split('\n').filter((line) => line && !/referenced manual not found: Xr switchyard/.test(line));
    assert.deepEqual(faults, []);
  });

test('switchyard(1) has every command with every option', { skip: missing }, async () => {
  const page = rendered('switchyard.1');
  const { out } = await run(['--help']);
  const commands = [...out.matchAll(/^ {2}([a-z]+(?: [a-z]+)?) {2,}/gm)].map(([, name]) => name);
  assert.ok(commands.length > 20);
  for (const command of commands) {
    assert.match(page, new RegExp(`^ {5}${command}\\b`, 'm'), command);
    const help = await run([...command.split(' '), '--help']);
    for (const [, option] of help.out.matchAll(/^ {2}(--[a-z-]+)/gm)) assert.ok(page.includes(option), `${command} ${option}`);
  }
});

test('switchyard.yaml(5) has every setting', { skip: missing }, () => {
  const page = rendered('switchyard.yaml.5');
  for (const [, path] of source('src/contract/setting.def').matchAll(/^SY_SETTING\("([a-z_.]+)"/gm)) assert.ok(page.includes(path), path);
  for (const vendor of ['composio', 'scalekit', 'pipedream'])
    for (const [, name] of source(`vendors/${vendor}/${vendor}.c`).matchAll(/\] = \{"([a-z_]+)",/g)) assert.ok(page.includes(name), `${vendor}.${name}`);
});

test('switchyard-policy(5) has every key', { skip: missing }, () => {
  const page = rendered('switchyard-policy.5');
  for (const [, key] of source('docs/policy.md').matchAll(/^\| `([a-z_]+)(?:\.NAME)?` \|/gm)) assert.ok(page.includes(key), key);
});
