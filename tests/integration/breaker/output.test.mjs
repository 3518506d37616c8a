// Output that does not arrive is a failure of the command; a reader that leaves is not.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { program } from '../gateway/gateway.mjs';

const shell = (script) => spawnSync('bash', ['-c', script, 'bash', program()], { encoding: 'utf8', timeout: 60000 });

test('what a full disk swallows is exit code 1 and said', { skip: !existsSync('/dev/full') && 'no /dev/full' }, () => {
  for (const words of ['version', '--help', 'version --output json']) {
    const done = shell(`"$1" ${words} > /dev/full`);
    assert.equal(done.status, 1, words);
    assert.match(done.stderr, /could not be written/, words);
  }
});

test('a reader that leaves early is not complained about', () => {
  const done = shell('{ sleep 0.3; "$1" version; } | true');
  assert.equal(done.stderr, '');
});
