// Policy, configuration and registry change under load: nothing fails, each call sees one version,
// and what is broken changes nothing.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Client, configured, corpora, openPolicy, sleep } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';
import { Load, columns, peers } from './load.mjs';
import { badPolicies } from './bad_policies.mjs';
import { Gateway, echo, sweep } from './rig.mjs';

const reloads = Number(process.env.SY_CHANGE_RELOADS ?? 100);
let setup;
before(async () => { setup = await configured(); });
after(async () => {
  if (!setup) return;
  await sweep(setup);
  await setup.stop();
});

const orders = [['composio', 'scalekit'], ['scalekit', 'composio']];
const policyOf = (i) => openPolicy.replace('native: [composio, scalekit]', `native: [${orders[i % 2].join(', ')}]`)
  .replace('burst: 100000', `burst: ${100000 + i}`);

// What a decision shows of the version it was made by: the policy's digest and the vendor it puts
// first, the registry's version and the rows'.
function collector() {
  const firsts = new Map();
  const offsets = new Set();
  const versions = new Set();
  const check = ({ decision }) => {
    const [first, second] = decision.candidates;
    const known = firsts.get(decision.policy_digest);
    firsts.set(decision.policy_digest, first.vendor);
    versions.add(decision.registry_version);
    offsets.add(decision.registry_version - first.row_version);
    if (known && known !== first.vendor) return `policy ${decision.policy_digest} put ${known} first, and now ${first.vendor}`;
    if (first.row_version !== second.row_version) return `rows of versions ${first.row_version} and ${second.row_version}`;
    return null;
  };
  return { check, firsts, offsets, versions };
}

// The two rows change together in one request, again and again.
async function writeRegistry(client, until) {
  const own = new Client(client.url, client.key);
  const published = new Set();
  let writes = 0;
  while (!until.stop) {
    const rows = orders[0].map((vendor) => ({ vendor, vendor_slug: 'echo', status: 'LIVE', notes: `write ${writes}` }));
    const { headers } = await own.get('/v1/registry/toolkits/echo');
    const reply = await own.request('PUT', '/v1/registry/toolkits/echo', { body: rows, headers: { 'if-match': headers.etag } });
    if (reply.status !== 200) throw new Error(`${reply.status} ${reply.body}`);
    const { json } = await own.get('/v1/resolve?tool=echo_echo&user_id=user_123&explain=true');
    published.add(json.registry_version ?? json.decision?.registry_version);
    writes++;
  }
  own.agent.destroy();
  return { writes, published };
}

test(`${reloads} reloads with another policy each and constant registry writes: no call fails, each sees one whole version`, async () => {
  setup.writePolicy(policyOf(0));
  const gateway = await Gateway.start(setup);
  const seen = collector();
  const until = { stop: false };
  const load = new Load({ port: gateway.port, key: setup.key, body: { ...echo, explain: true }, check: seen.check });
  const writing = writeRegistry(gateway.client, until);
  await sleep(100); // the first write gives both rows one version
  load.start();
  for (let i = 1; i <= reloads; i++) {
    setup.writePolicy(policyOf(i));
    assert.ok(await gateway.reload(), gateway.stderr.slice(-2000));
  }
  await load.stop();
  until.stop = true;
  const { writes } = await writing;
  assert.deepEqual(load.failures, []);
  assert.equal(load.failed, 0);
  assert.equal(gateway.count(/"event":"reload",/g), reloads);
  assert.ok(seen.firsts.size > reloads / 4, `only ${seen.firsts.size} policies were seen`);
  assert.ok(seen.firsts.size <= reloads + 1);
  assert.deepEqual(new Set(seen.firsts.values()), new Set(orders[0]));
  assert.equal(seen.offsets.size, 1, 'registry and row versions move together');
  assert.ok(seen.versions.size > 10);
  report('change-reload', {
    section: 'Change', title: 'Configuration and policy read again under load',
    text: `SIGHUP ${reloads} times with another policy each, ${writes} registry writes meanwhile, 8 kept connections and 8 that are new for each call. ${seen.firsts.size} policies and ${seen.versions.size} registry versions were seen, each decision of one of each.`,
    columns, rows: [['Switchyard, SIGHUP and registry writes', ...load.figures(), reloads + writes], ...peers],
  });
  setup.writePolicy(openPolicy);
  await gateway.stop();
});

function suite() {
  const root = corpora && path.join(corpora, 'yaml-test-suite/data');
  if (!root || !existsSync(root)) return [];
  const files = readdirSync(root, { recursive: true }).filter((name) => path.basename(name) === 'in.yaml').sort();
  return files.map((name) => ({ name: `yaml-test-suite ${path.dirname(name)}`, text: readFileSync(path.join(root, name)) }));
}

test('a policy with a fault in it leaves the old one in force and says where: semantic errors and the yaml-test-suite', async (t) => {
  const cases = [...badPolicies(), ...suite()];
  if (!suite().length) t.diagnostic('SKIP yaml-test-suite: not found (SY_SHARED_DIR)');
  setup.writePolicy(openPolicy);
  const gateway = await Gateway.start(setup);
  const seen = collector();
  const load = new Load({ port: gateway.port, key: setup.key, body: { ...echo, explain: true }, check: (json) => { seen.firsts.set(json.decision.policy_digest, 1); } }).start();
  const wrong = [];
  for (const { name, text } of cases) {
    writeFileSync(setup.policyFile, text);
    const at = gateway.stderr.length;
    if (await gateway.reload()) wrong.push(`${name}: taken: ${JSON.stringify(text.toString())}`);
    else if (!/policy\.yaml:\d+:\d+: /.test(gateway.stderr.slice(at))) wrong.push(`${name}: ${gateway.stderr.slice(at)}`);
  }
  await load.stop();
  assert.deepEqual(wrong, []);
  assert.deepEqual(load.failures, []);
  assert.equal(seen.firsts.size, 1, 'one policy was in force all the time');
  assert.equal(await gateway.metric('switchyard_reloads_total{result="refused"}'), cases.length);
  report('change-bad-policy', {
    section: 'Change', title: 'Broken policies in a reload',
    text: `Each is written over the policy's file, then SIGHUP; the log must name file, line and column, the old policy must stay, and no call may fail.`,
    columns: ['what', 'cases', 'refused with the place', 'calls failed', 'policies seen by calls'],
    rows: [['semantic errors', badPolicies().length, badPolicies().length, `${load.failed} of ${load.calls}`, seen.firsts.size],
      ['yaml-test-suite', suite().length, suite().length, '', '']],
  });
  setup.writePolicy(openPolicy);
  assert.ok(await gateway.reload());
  await gateway.stop();
});
