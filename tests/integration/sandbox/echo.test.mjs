// The echo tools give back the bytes they were given, through every vendor's envelope: what payload tests rest on.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pipedreamToken, scalekitToken, sharedDir, startSandbox } from './standin.mjs';

let sandbox;
let tokens;
before(async () => {
  sandbox = await startSandbox();
  tokens = { pipedream: await pipedreamToken(sandbox), scalekit: await scalekitToken(sandbox) };
});
after(async () => assert.deepEqual(await sandbox.stop(), { code: 0, signal: null }));

const json = { 'content-type': 'application/json' };
const post = async (url, headers, parts) => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const reply = await fetch(url, { method: 'POST', headers: { ...json, ...(typeof headers === 'function' ? headers(body) : headers) }, body });
  const bytes = Buffer.from(await reply.arrayBuffer());
  assert.equal(reply.status, 200, bytes.toString());
  return bytes;
};
// The bytes between what must come before and what must come after.
const between = (bytes, before, after) => {
  assert.equal(bytes.subarray(0, before.length).toString(), before);
  const end = bytes.lastIndexOf(after);
  assert.ok(end >= before.length, bytes.toString());
  return bytes.subarray(before.length, end);
};

let account;
const through = {
  composio: async (args) => between(
    await post(`${sandbox.composio_url}/api/v3.1/tools/execute/ECHO_ECHO`, { 'x-api-key': sandbox.composio_api_key }, ['{"user_id":"user_123","arguments":', args, '}']),
    '{"data":', ',"error":null'),
  scalekit: async (args) => between(
    await post(`${sandbox.scalekit_url}/api/v1/execute_tool`, { authorization: `Bearer ${tokens.scalekit}` }, ['{"tool_name":"echo_echo","identifier":"user_123","connector":"echo","params":', args, '}']),
    '{"data":', ',"execution_id":'),
  // The app prop stands last, behind the arguments' own members.
  pipedream: async (args) => {
    const headers = { authorization: `Bearer ${tokens.pipedream}`, 'x-pd-environment': 'development' };
    const base = `${sandbox.pipedream_url}/v1/connect/${sandbox.pipedream_project_id}`;
    account ??= (await (await fetch(`${base}/accounts?external_user_id=user_123&app=echo`, { headers })).json()).data[0].id;
    const inner = args.subarray(1, -1);
    const comma = inner.toString().trim() ? ',' : '';
    return between(
      await post(`${base}/actions/run`, headers, ['{"id":"echo-echo","external_user_id":"user_123","configured_props":{', inner, `${comma}"echo":{"authProvisionId":"${account}"}}}`]),
      '{"exports":{"$summary":"Echo: done"},"os":[],"ret":', '}');
  },
  worker: async (args) => between(
    await post(sandbox.worker_url, (body) => {
      const stamp = String(Math.floor(Date.now() / 1000));
      return { 'x-switchyard-timestamp': stamp, 'x-switchyard-signature': `v1=${createHmac('sha256', sandbox.worker_secret).update(`${stamp}.`).update(body).digest('hex')}` };
    }, ['{"call_id":"call_1","tool":"billing_echo","tenant":"t","user_id":"u","arguments":', args, '}']),
    '{"data":', '}'),
};

const documents = [
  '{}', '{ }', '{ "v" : 1 }', '{"v":9007199254740993}', '{"v":-0}', '{"v":1e400}', '{"v":1.0000000000000000000000001}', '{"v":1E+2}',
  '{"v":1,"v":2,"v":1}', '{"v":"\\u0000"}', '{"v":"\\ud800"}', '{"v":"\\/\\u00e9é\u{1f600}"}', '{\n\t"v" :\r\n[ 1 , {"a" :null} ]\n }',
  '{"v":"","":{"":[]}}', `{"v":${'['.repeat(500)}${']'.repeat(500)}}`, `{"v":"${'x'.repeat(300000)}"}`,
  '{"v":{"echo":{"authProvisionId":"not this one"}}}',
];

for (const vendor of Object.keys(through)) {
  test(`${vendor}: awkward documents come back octet for octet`, async () => {
    for (const text of documents) {
      const args = Buffer.from(text);
      assert.ok((await through[vendor](args)).equals(args), text.slice(0, 80));
    }
  });
}

const corpus = path.join(sharedDir, 'data/corpora');
const accepted = (existsSync(corpus) ? readdirSync(corpus, { recursive: true }) : [])
  .filter((name) => /(^|\/)y_[^/]*\.json$/.test(name)).map((name) => path.join(corpus, name));
test('every JSON text that must be accepted passes through all four', { skip: accepted.length ? false : `skipped: no y_*.json below ${corpus}` }, async () => {
  for (const file of accepted) {
    const args = Buffer.concat([Buffer.from('{"v":'), readFileSync(file), Buffer.from('}')]);
    for (const vendor of Object.keys(through)) assert.ok((await through[vendor](args)).equals(args), `${vendor} ${file}`);
  }
});
