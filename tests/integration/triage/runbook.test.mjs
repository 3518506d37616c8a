// The runbook's steps: the registry first, evidence of each catalogue, the row it would write.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { run, serveSandbox } from '../gateway/gateway.mjs';

let gateway;
before(async () => { gateway = await serveSandbox(); });
after(async () => { await gateway.stop(); });
const triage = async (body, status = 200) => {
  const reply = await gateway.post('/v1/triage', body);
  assert.equal(reply.status, status, reply.body.toString());
  return reply.json;
};

test('what the registry has is answered without asking anybody, by any of its names', async () => {
  const before = await gateway.sandbox.counts();
  for (const [provider, vendor, way] of [['gmail', 'composio', 'native'], ['G-Mail', 'composio', 'native'], ['gtm', 'pipedream', 'pipedream'], ['Google Tag Manager', 'pipedream', 'pipedream'], ['billing', 'worker', 'worker']]) {
    const said = await triage({ provider });
    assert.deepEqual([said.path, said.vendor, said.decided_by], [way, vendor, 'registry'], provider);
    assert.equal(said.steps[0].answer, 'yes');
  }
  const after = await gateway.sandbox.counts();
  for (const vendor of ['composio', 'scalekit', 'pipedream']) assert.equal(after[vendor].total, before[vendor].total);
});

test('a stated need rules Pipedream out, though the registry has a row there', async () => {
  for (const need of ['latency', 'signing', 'residency']) {
    const said = await triage({ provider: 'gtm', needs: [need] });
    assert.deepEqual([said.path, said.decided_by], ['worker', 'tree'], JSON.stringify(said));
    assert.ok(said.row_lacks.includes('adr'));
  }
});

test('a pending row is no answer: a vendor may have got the toolkit since', async () => {
  const said = await triage({ provider: 'obscure' });
  assert.equal(said.decided_by, 'tree');
  assert.equal(said.path, 'pending');
  assert.deepEqual(said.steps.map((step) => step.step), ['registry', 'composio', 'scalekit', 'pipedream', 'wait']);
});

test('what is in no catalogue waits if it may, with an issue and fourteen days, else a worker is to be built', async () => {
  const pending = await triage({ provider: 'Quibble Tron' });
  assert.equal(pending.path, 'pending');
  assert.equal(Date.parse(pending.row.due_at) - Date.parse(pending.row.requested_at), 14 * 86400000);
  assert.match(pending.row.issue_url, /^https:\/\/github\.com\//);
  for (const more of [{ criticality: 'medium' }, { criticality: 'high' }, { can_wait: false }]) {
    const said = await triage({ provider: 'Quibble Tron', ...more });
    assert.equal(said.path, 'worker');
    assert.deepEqual(said.row_lacks, ['adr', 'endpoint', 'secret']);
    assert.ok(said.next.length > 0);
  }
});

test('apply writes the row that was shown, and the next call runs on it', async () => {
  assert.equal((await gateway.get('/v1/registry/toolkits/bitly')).status, 404);
  const said = await triage({ provider: 'Bitly', apply: true });
  assert.deepEqual([said.path, said.applied], ['pipedream', true]);
  const rows = (await gateway.get('/v1/registry/toolkits/bitly')).json;
  assert.deepEqual([rows[0].vendor, rows[0].status], ['pipedream', 'LIVE']);
  const call = await gateway.execute({ tool: 'bitly_create_bitlink', user_id: 'user_123', arguments: { long_url: 'https://northwind.example' } });
  assert.equal(call.status, 200, call.body.toString());
  assert.equal(call.json.route.because[0], 'row bitly/pipedream LIVE');
  assert.equal((await triage({ provider: 'bitly' })).decided_by, 'registry');
});

test('apply does not write a worker’s row that names no decision record', async () => {
  const said = await triage({ provider: 'Zorbtangle', criticality: 'high', apply: true });
  assert.equal(said.applied, false);
  assert.equal((await gateway.get('/v1/registry/toolkits/zorbtangle')).status, 404);
});

test('a catalogue that could not be asked leaves it undecided, and is asked again next time', async () => {
  await gateway.sandbox.fault({ vendor: 'composio', count: 0, fault: { status: 503 } });
  const said = await triage({ provider: 'Plumdoodle' }, 503);
  assert.deepEqual([said.code, said.cause], ['vendor_unavailable', 'not_asked']);
  assert.match(said.detail, /composio/);
  await gateway.sandbox.clearFaults();
  await new Promise((resolve) => setTimeout(resolve, 6000)); // the breaker, if it opened, lets one pass again
  let again = await gateway.post('/v1/triage', { provider: 'Plumdoodle' });
  if (again.status === 503) again = await gateway.post('/v1/triage', { provider: 'Plumdoodle' });
  assert.equal(again.status, 200, again.body.toString());
  assert.equal(again.json.path, 'pending');
});

test('evidence is remembered, so that other criticalities ask nobody again', async () => {
  await triage({ provider: 'Wimblefax' });
  const before = await gateway.sandbox.counts();
  for (const criticality of ['low', 'medium', 'high']) await triage({ provider: 'wimble-FAX', criticality });
  const after = await gateway.sandbox.counts();
  for (const vendor of ['composio', 'scalekit', 'pipedream']) assert.equal(after[vendor].total, before[vendor].total);
});

test('bad triages are invalid_request with the place', async () => {
  for (const [body, pointer] of [[{}, '/provider'], [{ provider: '' }, '/provider'], [{ provider: 'x'.repeat(129) }, '/provider'], [{ provider: 'x', criticality: 'dire' }, '/criticality'], [{ provider: 'x', needs: ['money'] }, '/needs/0'], [{ provider: 'x', can_wait: 1 }, '/can_wait'], [{ provider: 'a\r\nb' }, '/provider']]) {
    const said = await triage(body, 400);
    assert.equal(said.code, 'invalid_request');
    assert.ok(said.errors.some((one) => one.pointer === pointer), JSON.stringify(said));
  }
});

test('the commands show the same, for people and for scripts', async () => {
  const env = { SWITCHYARD_URL: gateway.url, SWITCHYARD_KEY: gateway.key };
  const shown = await run(['triage', 'Linear'], { env });
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /native/);
  const json = await run(['triage', 'Quibble Tron', '--criticality', 'high', '--output', 'json'], { env });
  assert.equal(JSON.parse(json.stdout).path, 'worker');
  const waits = await run(['triage', 'Quibble Tron', '--cannot-wait', '--output', 'json'], { env });
  assert.equal(JSON.parse(waits.stdout).path, 'worker');
  for (let i = 0; i < 3; i++) await gateway.execute({ tool: 'flumpet_play', user_id: `u${i}` });
  await gateway.execute({ tool: 'garblewort_play' });
  const cases = await run(['cases', '--output', 'json'], { env });
  const items = JSON.parse(cases.stdout).items;
  assert.deepEqual(items.slice(0, 2).map((one) => [one.name, one.calls]), [['flumpet', 3], ['garblewort', 1]]);
});
