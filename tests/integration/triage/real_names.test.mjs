// The runbook over real names: every app name of Pipedream's catalogue, and names in no catalogue,
// times criticality, can-wait and needs. The path must be the one computed here from the files.
//
// The rule: a hit is equality, after normalisation, of slug or display name (or a registry alias);
// Scalekit's …mcp connectors do not count; a name shorter than three characters is looked up, not
// searched. Native before Pipedream; a need rules Pipedream out; in no catalogue: pending if it is
// not critical and can wait, else a worker.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { catalogue, inParallel, serveSandbox } from '../gateway/gateway.mjs';
import { random } from '../gateway/documents.mjs';

const missing = catalogue ? false : 'skipped: no catalogues';
const INVENTED = 200;

let gateway;
before(async () => { if (catalogue) gateway = await serveSandbox('--catalogue', catalogue); });
after(async () => { if (gateway) await gateway.stop(); });

const read = (file) => JSON.parse(readFileSync(path.join(catalogue, file), 'utf8'));
const normal = (name) => name.replace(/[-_ ]/g, '').replace(/[A-Z]/g, (letter) => letter.toLowerCase());

// Slug and names of each catalogue, normalised; what a look-up by exact slug finds.
function catalogues() {
  const of = (list, slug, name) => ({
    slugs: new Set(list.map((one) => one[slug])),
    names: new Set(list.flatMap((one) => [normal(one[slug]), normal(one[name] ?? '')]).filter(Boolean)),
  });
  return {
    composio: of(read('composio-toolkits.json'), 'slug', 'name'),
    scalekit: of(read('scalekit-connectors.json').filter((one) => !one.connector.endsWith('mcp')), 'connector', 'label'),
    pipedream: of(read('pipedream-apps.json'), 'name_slug', 'name'),
  };
}

const bytes = (name) => Buffer.byteLength(name);
const slugForms = (name) => {
  const words = name.toLowerCase().split(/[^a-z0-9]+/).filter(Boolean);
  return [name.toLowerCase(), words.join('_'), words.join('')];
};
const has = (vendor, name) => (bytes(name) >= 3
  ? vendor.names.has(normal(name))
  : slugForms(name).some((form) => vendor.slugs.has(form) && normal(form) === normal(name)));

function expected(vendors, name, { criticality, can_wait, needs }) {
  if (has(vendors.composio, name) || has(vendors.scalekit, name)) return 'native';
  if (has(vendors.pipedream, name)) return needs.length ? 'worker' : 'pipedream';
  return criticality === 'low' && can_wait ? 'pending' : 'worker';
}

const combinations = ['low', 'medium', 'high'].flatMap((criticality) => [true, false].flatMap((can_wait) =>
  [[], ['latency'], ['signing'], ['residency']].map((needs) => ({ criticality, can_wait, needs }))));

// Pronounceable names that no catalogue has, from a seed.
function invented(vendors) {
  const next = random(595);
  const names = [];
  while (names.length < INVENTED) {
    const word = () => Array.from({ length: 2 + next.below(3) }, () => next.of([...'bdfgklmprstvz']) + next.of([...'aeiou'])).join('');
    const name = next.of([word(), `${word()} ${word()}`, `${word()}_${word()}`, `${word()[0].toUpperCase()}${word()}.io`]);
    if (!Object.values(vendors).some((vendor) => has(vendor, name))) names.push(name);
  }
  return names;
}

test('every real name and every combination leads where the catalogues say', { skip: missing, timeout: 600000 }, async () => {
  const vendors = catalogues();
  const apps = read('pipedream-apps.json');
  assert.equal(apps.length, 2595);
  // Slugs first: most display names fold to what is remembered by then.
  const real = new Set([...apps.map((app) => app.name_slug), ...apps.map((app) => app.name)]);
  const names = [...real, ...invented(vendors)];
  const wrong = [];
  const seen = {};
  await inParallel(names, 16, async (name) => {
    for (const what of combinations) {
      const reply = await gateway.post('/v1/triage', { provider: name, ...what });
      const want = expected(vendors, name, what);
      const got = reply.status === 200 ? reply.json.path : `${reply.status} ${reply.body}`;
      seen[got] = (seen[got] ?? 0) + 1;
      if (got !== want) wrong.push(`${name} ${JSON.stringify(what)}: ${got}, not ${want}; ${reply.json.because}`);
    }
  });
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} of ${names.length * combinations.length} differ`);
  for (const way of ['native', 'pipedream', 'pending', 'worker']) assert.ok(seen[way] > 100, JSON.stringify(seen));
});
