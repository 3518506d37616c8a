// The wall clock jumps a day ahead and a day back under a running gateway (tests/shim/clock.c): calls
// go on, tokens that are good stay, tokens that have run out are not used. Nothing that a deadline or
// a token's life hangs on may follow the wall clock.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { configured, eventually, sleep } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';
import { testProgram, useRelease } from './builds.mjs';

const DAY = 86400;
/* A sanitizer's runtime wants to be loaded first, and keeps its own clock_gettime. */
const release = useRelease();
const shim = testProgram('sy-clock.so');
const skip = !shim ? 'sy-clock.so is not built (SY_BUILD_DIR)' : !release ? 'no release build (SY_RELEASE_BIN)' : false;
const CALLS = ['composio', 'scalekit', 'pipedream'].map((vendor) => ({ tool: 'echo_echo', vendor, user_id: 'user_123' }));

let folder;
let file;
let setup;
let gateway;

function jump(seconds) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(seconds));
  writeFileSync(file, bytes, { flag: existsSync(file) ? 'r+' : 'w' });
}

before(async () => {
  if (skip) {
    console.log(`# skipped: ${skip}`);
    return;
  }
  folder = mkdtempSync(path.join(os.tmpdir(), 'switchyard-clock-'));
  file = path.join(folder, 'offset');
  jump(0);
  setup = await configured();
  Object.assign(setup.env, { LD_PRELOAD: shim, SY_CLOCK_FILE: file });
  gateway = await setup.serve();
});
after(async () => {
  if (gateway) await gateway.stop();
  if (setup) await setup.stop();
  if (folder) rmSync(folder, { recursive: true });
});

const clockOf = async () => Date.parse((await gateway.get('/healthz')).headers.date) / 1000;
const isToken = (request) => /token/.test(request.path ?? request.target ?? request.url ?? '');
const minted = async () => (await setup.sandbox.requests('limit=10000')).filter(isToken).length;

async function callAll() {
  const replies = await Promise.all(CALLS.map((call) => gateway.execute(call)));
  return replies.map((reply) => reply.status);
}

const rows = [];

test('a jump of a day, either way and back, fails no call and drops no token', { skip, timeout: 60000 }, async () => {
  const good = (await callAll());
  assert.deepEqual(good, good.map(() => 200));
  const before = await minted();
  assert.ok(before >= 1, 'the vendors want tokens');
  for (const offset of [DAY, 0, -DAY, 0, DAY, -DAY]) {
    jump(offset);
    await eventually(`the clock is off by ${offset}`, async () => Math.abs(await clockOf() - (Date.now() / 1000 + offset)) < 5);
    let failed = 0;
    for (let i = 0; i < 20; i++) failed += (await callAll()).filter((status) => status !== 200).length;
    rows.push([offset, 60, failed, await minted() - before]);
    assert.equal(failed, 0);
  }
  assert.equal(await minted(), before, 'no token was thrown away');
  jump(0);
});

test('a token that has run out is not used because the clock went back', { skip, timeout: 60000 }, async () => {
  /* A real token, said to live ten seconds less than it does. */
  const { scalekit_url: url, scalekit_client_id: id, scalekit_client_secret: secret } = setup.sandbox;
  const reply = await fetch(`${url}/oauth/token`, {
    method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: secret }),
  });
  const { access_token: token } = await reply.json();
  assert.equal(reply.status, 200);
  await gateway.stop();
  gateway = await setup.serve();
  await setup.sandbox.fault({ vendor: 'scalekit', path: '*/oauth/token', count: 1, fault: { status: 200, content_type: 'application/json', body: { access_token: token, token_type: 'Bearer', expires_in: 6 } } });
  const ask = async () => (await gateway.execute(CALLS[1])).status;
  assert.equal(await ask(), 200);
  const before = await minted();
  jump(-DAY);
  await sleep(7000);
  assert.equal(await ask(), 200);
  rows.push(['-86400, token of 6 s', 2, 0, await minted() - before]);
  assert.equal(await minted(), before + 1);
  jump(0);
  report('clock-jumps', {
    section: '5.3', title: 'Wall clock jumps',
    text: 'The wall clock of a running release gateway is moved by a day; calls to three vendors before and after. Tokens live by the monotonic clock.',
    columns: ['seconds off', 'calls', 'failed', 'tokens minted anew'],
    rows,
  });
});
