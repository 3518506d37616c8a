// No octet of a payload changes on its way: what the stand-in recorded and what the caller got back
// are compared with what was sent, byte for byte.
//
// Every document goes as {"v": <document>} through every vendor: the corpora and the generated ones.
// The echo tools give arguments back as results, so one call proves both ways.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { configured, corpora, inParallel } from './gateway.mjs';
import { documents } from './documents.mjs';

const GENERATED = 10000;
const BATCH = 400; // the stand-ins remember the last thousand requests

let setup;
let gateway;
before(async () => {
  setup = await configured();
  gateway = await setup.serve();
});
after(async () => {
  await gateway.stop();
  await setup.stop();
});

// What a vendor's request looks like around the arguments.
const vendors = {
  composio: { call: { tool: 'echo_echo', vendor: 'composio' }, member: '"arguments":' },
  scalekit: { call: { tool: 'echo_echo', vendor: 'scalekit' }, member: '"params":' },
  pipedream: { call: { tool: 'echo_echo', vendor: 'pipedream' }, member: '"configured_props":' },
  worker: { call: { tool: 'billing_echo' }, member: '"arguments":' },
};

// Pipedream's own prop stands behind the arguments' last member, so the closing brace is not theirs.
const sentBytes = (vendor, args) => (vendor === 'pipedream' ? args.subarray(0, -1) : args);

// Sends each of `texts`; returns those that did not come through unchanged, and how.
async function changed(vendor, texts) {
  const { call, member } = vendors[vendor];
  const broken = [];
  let since = 0;
  for (let at = 0; at < texts.length; at += BATCH) {
    const batch = texts.slice(at, at + BATCH).map((text) => Buffer.concat([Buffer.from('{"v":'), text, Buffer.from('}')]));
    const replies = await inParallel(batch, 16, (args, i) => gateway.executeRaw({ ...call, user_id: 'user_123' }, args, {
      headers: { traceparent: `00-${'0'.repeat(15)}1${String(i).padStart(16, '0')}-00f067aa0ba902b7-01` },
    }));
    const recorded = new Map();
    for (const one of await setup.sandbox.requests(`vendor=${vendor}&since=${since}&limit=1000`)) {
      since = Math.max(since, one.sequence);
      const trace = /00-0{15}1(\d{16})-/.exec(JSON.stringify(one.headers));
      if (trace) recorded.set(Number(trace[1]), Buffer.from(one.body_base64, 'base64'));
    }
    batch.forEach((args, i) => {
      const reply = replies[i];
      const head = /^\{"id":"call_[0-9A-Z]+","successful":true,"data":/.exec(reply.body.toString('latin1', 0, 200));
      if (reply.status !== 200 || !head) return broken.push(`${args.toString().slice(0, 80)}: ${reply.status} ${reply.body.toString().slice(0, 200)}`);
      const back = reply.body.subarray(head[0].length, head[0].length + args.length + 1);
      if (!back.subarray(0, -1).equals(args) || back.at(-1) !== 0x2c) return broken.push(`${args.toString().slice(0, 80)}: came back as ${back.toString().slice(0, 80)}`);
      const body = recorded.get(i);
      const from = body ? body.indexOf(member) + member.length : 0;
      const want = sentBytes(vendor, args);
      if (!body || !body.subarray(from, from + want.length).equals(want)) return broken.push(`${args.toString().slice(0, 80)}: was sent as ${body?.subarray(from).toString().slice(0, 80)}`);
      return null;
    });
  }
  return broken;
}

const unchanged = (broken) => assert.equal(broken.length, 0, `${broken.length} did not come through, such as\n${broken.slice(0, 5).join('\n')}`);

const filesOf = (folder) => readdirSync(path.join(corpora, folder)).sort().map((name) => ({ name, bytes: readFileSync(path.join(corpora, folder, name)) }));
const needsCorpora = { skip: corpora ? false : 'skipped: no corpora' };

const refused = async (file) => {
  const reply = await gateway.executeRaw({ tool: 'echo_echo', user_id: 'user_123' }, Buffer.concat([Buffer.from('{"v":'), file.bytes, Buffer.from('}')]));
  if (reply.status === 200) return false;
  assert.equal(reply.status, 400, `${file.name}: ${reply.body}`);
  const problem = reply.json;
  assert.equal(problem.code, 'invalid_request', file.name);
  assert.ok(problem.errors.length > 0 && problem.errors.every((one) => typeof one.pointer === 'string' && one.detail), `${file.name}: ${reply.body}`);
  return true;
};

// What is our choice (i_), written down: these are taken, all other i_ files are refused.
const takenByChoice = new Set([
  'i_number_double_huge_neg_exp.json', 'i_number_huge_exp.json', 'i_number_neg_int_huge_exp.json', 'i_number_pos_double_huge_exp.json', 'i_number_real_neg_overflow.json',
  'i_number_real_pos_overflow.json', 'i_number_real_underflow.json', 'i_number_too_big_neg_int.json', 'i_number_too_big_pos_int.json', 'i_number_very_big_negative_int.json',
  'i_object_key_lone_2nd_surrogate.json', 'i_string_1st_surrogate_but_2nd_missing.json', 'i_string_1st_valid_surrogate_2nd_invalid.json', 'i_string_incomplete_surrogate_and_escape_valid.json',
  'i_string_incomplete_surrogate_pair.json', 'i_string_incomplete_surrogates_escape_valid.json', 'i_string_invalid_lonely_surrogate.json', 'i_string_invalid_surrogate.json',
  'i_string_inverted_surrogates_U+1D11E.json', 'i_string_lone_second_surrogate.json', 'i_structure_500_nested_arrays.json',
]);

test('what is no JSON is refused with a pointer, what is JSON is taken', needsCorpora, async () => {
  const wrong = [];
  await inParallel(filesOf('json-nst/test_parsing'), 8, async (file) => {
    const taken = !await refused(file);
    const expected = file.name.startsWith('y_') || takenByChoice.has(file.name);
    if (taken !== expected) wrong.push(`${file.name} ${taken ? 'taken' : 'refused'}`);
  });
  assert.deepEqual(wrong, []);
  assert.equal((await gateway.get('/healthz')).status, 200);
});

for (const vendor of Object.keys(vendors)) {
  test(`${vendor}: 0 octets change over the accepted files of json-nst`, needsCorpora, async () => {
    const texts = filesOf('json-nst/test_parsing').filter((file) => file.name.startsWith('y_') || takenByChoice.has(file.name)).map((file) => file.bytes);
    texts.push(...filesOf('json-nst/test_transform').filter((file) => Buffer.from(file.bytes.toString()).equals(file.bytes)).map((file) => file.bytes));
    assert.ok(texts.length > 120);
    unchanged(await changed(vendor, texts));
  });

  test(`${vendor}: 0 octets change over json-numbers`, needsCorpora, async () => {
    const decimals = readdirSync(path.join(corpora, 'json-numbers/parse-number')).filter((name) => name.endsWith('.txt') && name !== 'LICENSE')
      .flatMap((name) => readFileSync(path.join(corpora, 'json-numbers/parse-number', name), 'latin1').split('\n').map((line) => line.split(' ')[3]))
      .filter((word) => word && /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(word));
    assert.ok(decimals.length > 8000, String(decimals.length));
    const texts = decimals.map((word) => Buffer.from(word));
    for (const folder of ['jcs/input', 'nativejson/roundtrip']) texts.push(...filesOf(`json-numbers/${folder}`).map((file) => file.bytes));
    texts.push(...filesOf('json-numbers/nativejson/jsonchecker').filter((file) => file.name.startsWith('pass')).map((file) => file.bytes));
    unchanged(await changed(vendor, texts));
  });

  test(`${vendor}: 0 octets change over ${GENERATED} generated documents`, async () => {
    unchanged(await changed(vendor, documents(20261121, GENERATED)));
  });
}

test('an argument that collides with Pipedream’s app prop is invalid_arguments, however it is spelled', async () => {
  for (const args of ['{"echo":{"authProvisionId":"apn_other"}}', '{"v":1,"echo":null}', '{"ech\\u006f":{"authProvisionId":"apn_other"}}', '{"v":1,"\\u0065cho":1,"v":2}']) {
    const reply = await gateway.executeRaw({ tool: 'echo_echo', vendor: 'pipedream', user_id: 'user_123' }, Buffer.from(args));
    assert.equal(reply.status, 422, `${args}: ${reply.body}`);
    assert.deepEqual([reply.json.code, reply.json.cause], ['invalid_arguments', 'app_prop_collision']);
  }
  // Deeper down, or at another vendor, the name is an argument like any other.
  unchanged(await changed('pipedream', [Buffer.from('{"echo":{"authProvisionId":"apn_other"}}')]));
  assert.equal((await gateway.executeRaw({ tool: 'echo_echo', vendor: 'composio', user_id: 'user_123' }, Buffer.from('{"echo":1}'))).status, 200);
});
