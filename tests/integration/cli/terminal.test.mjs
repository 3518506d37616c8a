// On a terminal: colour unless NO_COLOR, indented JSON, and no reply that drives the terminal.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { environment, program, sandboxGateway } from './program.mjs';

let gateway;
before(async () => {
  gateway = await sandboxGateway();
});
after(async () => {
  assert.equal(await gateway.stop(), 0, gateway.err);
});

/** Runs a command under script(1), which gives it a terminal. */
function onTerminal(words, env = {}) {
  const quoted = [program, ...words].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const { stdout, status } = spawnSync('script', ['-qec', quoted, '/dev/null'], { encoding: 'utf8', env: { ...environment(gateway.env), ...env } });
  return { text: stdout.replaceAll('\r\n', '\n'), status };
}
const missing = spawnSync('script', ['--version']).error ? 'script(1) is not installed' : false;
const colour = { NO_COLOR: '' };
// eslint-disable-next-line no-control-regex
const escapes = /\u001b\[[0-9;]*m/g;

test('colour and indentation on a terminal', { skip: missing }, () => {
  const { text, status } = onTerminal(['call', 'billing_create_invoice', 'customer=cus_1'], colour);
  assert.equal(status, 0, text);
  assert.match(text, /vendor {3}\u001b\[36mworker\u001b\[0m/);
  assert.match(text, /\n {2}"customer": "cus_1",\n/);
});

test('NO_COLOR takes the colour, not the indentation', { skip: missing }, () => {
  const { text } = onTerminal(['call', 'billing_create_invoice', 'customer=cus_1'], { NO_COLOR: '1' });
  assert.doesNotMatch(text, escapes);
  assert.match(text, /\n {2}"customer": "cus_1",\n/);
});

test('what a vendor answered cannot drive the terminal', { skip: missing }, () => {
  const evil = 'a\u009b31m\u007f\u0085\u001b]0;title\u0007b';
  for (const words of [
    ['call', 'billing_create_invoice', `customer=${evil}`],
    ['call', 'echo_echo', '--user', 'user_123', `text=${evil}`],
    ['call', `no_${evil}`],
    ['registry', 'show', `no${evil}`],
  ]) {
    const { text } = onTerminal(words, colour);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(text.replace(escapes, ''), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/, JSON.stringify(text));
  }
});

test('a table keeps its lines, whatever a cell holds', { skip: missing }, async () => {
  assert.equal((await gateway.run(['registry', 'set', 'tabled', 'composio', 'status=LIVE', 'owner=me', `notes=${'long '.repeat(40)}`])).code, 0);
  const { text } = onTerminal(['registry', 'list', '--search', 'tabled'], colour);
  assert.equal(text.trim().split('\n').length, 2, text);
});
