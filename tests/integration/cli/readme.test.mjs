// Every command of the README runs: the blocks marked <!-- run: … -->, in order, as they stand.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { environment, pointAt, program, root, sandboxGateway, standIns } from './program.mjs';

const text = readFileSync(join(root, 'README.md'), 'utf8');
const blocks = [...text.matchAll(/<!-- run: (\w+)(?:, exit (\d+))? -->\n```sh\n([\s\S]*?)```/g)].map(([, where, code, script]) => ({ where, code: Number(code ?? 0), script }));

let gateway;
let stands;
let cwd;
let bin;
before(async () => {
  [gateway, stands] = await Promise.all([sandboxGateway(), standIns()]);
  cwd = mkdtempSync(join(tmpdir(), 'switchyard-readme-'));
  bin = mkdtempSync(join(tmpdir(), 'switchyard-bin-'));
  symlinkSync(program, join(bin, 'switchyard'));
});
after(async () => {
  assert.equal(await gateway.stop(), 0, gateway.err);
  assert.equal(await stands.stop(), 0, stands.err);
  rmSync(cwd, { recursive: true, force: true });
  rmSync(bin, { recursive: true, force: true });
});

function shell(script, env, ready) {
  return new Promise((done) => {
    const child = spawn('bash', ['-e', '-c', script], { cwd, env: environment({ ...env, PATH: `${bin}:${process.env.PATH}` }), detached: true });
    const result = { out: '', err: '' };
    child.stdout.on('data', (bytes) => {
      result.out += bytes;
      if (ready?.test(result.out)) process.kill(-child.pid, 'SIGTERM');
    });
    child.stderr.on('data', (bytes) => (result.err += bytes));
    child.on('close', (code, signal) => done({ ...result, code: code ?? signal }));
  });
}

test('the README has marked blocks, and every other shell block is one of the two commands', () => {
  assert.deepEqual(blocks.map((block) => block.where), ['sandbox', 'sandbox', 'sandbox', 'init', 'go']);
  const all = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, script]) => script);
  const unmarked = all.filter((script) => !blocks.some((block) => block.script === script));
  assert.equal(unmarked.length, 1);
  for (const line of unmarked[0].trim().split('\n')) assert.match(line, /^(\.\/quickstart|tests\/run) /);
});

for (const [number, block] of blocks.entries())
  test(`block ${number + 1} (${block.where})`, async () => {
    const ready = /switchyard serve/.test(block.script) ? /listens on/ : undefined;
    if (block.where === 'go') pointAt(join(cwd, 'switchyard.yaml'), stands.at);
    const { code, out, err } = await shell(block.script, block.where === 'sandbox' ? gateway.env : {}, ready);
    if (ready) assert.match(out, ready, err);
    else assert.equal(code, block.code, out + err);
    if (/^curl /.test(block.script)) assert.equal(JSON.parse(out).route.vendor, 'composio');
  });

test('what the README says of the five ways is so', async () => {
  const rows = [...text.matchAll(/^\| (native, Composio|native, Scalekit|Pipedream|worker|pending) \|.*\| `(\w+)` \|$/gm)];
  assert.equal(rows.length, 5);
  for (const [, way, tool] of rows) {
    const { code, out } = await gateway.run(['call', tool, '--user', 'user_123', '--output', 'json', ...(tool.startsWith('billing') ? ['customer=c'] : tool.startsWith('github') ? ['owner=a', 'repo=b'] : [])]);
    const reply = JSON.parse(out);
    assert.equal(code, way === 'pending' ? 1 : 0, out);
    assert.equal(way === 'pending' ? reply.code : reply.route.vendor, { 'native, Composio': 'composio', 'native, Scalekit': 'scalekit', Pipedream: 'pipedream', worker: 'worker', pending: 'toolkit_pending' }[way]);
  }
});

test('the README\'s links lead somewhere', async () => {
  const { existsSync } = await import('node:fs');
  for (const [, target] of text.matchAll(/\]\(([^)]+)\)/g)) assert.ok(existsSync(join(root, target)), target);
});
