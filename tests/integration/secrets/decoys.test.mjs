// A decoy for each shape of credential that scanners know, held in each place a vendor's credential
// can have, through success and through vendors that say it back: it is found nowhere but at them.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { configured, corpora, eventually, run } from '../gateway/gateway.mjs';
import { report } from '../report.mjs';
import { broker, indiscretions } from './broker.mjs';
import { decoys, forms, search } from './decoys.mjs';

const skip = corpora ? false : 'skipped: no corpora';
const seed = Number(process.env.SY_SEED ?? 20260722);
const all = corpora ? decoys(corpora, seed) : [];
// Each place holds another decoy, and each decoy is in each place once.
const places = ['composio api_key', 'scalekit client_secret', 'scalekit token', 'pipedream client_secret', 'pipedream token', 'worker secret'];
const planted = Object.fromEntries(places.map((place) => [place, '']));
const heard = [];
const vendors = {};
const counted = {};
let setup;
let gateway;

const files = { composio: 'composio api_key', scalekit: 'scalekit client_secret', pipedream: 'pipedream client_secret', worker: 'worker secret' };
const plant = (round) => {
  places.forEach((place, at) => { planted[place] = all[(round + at * 37) % all.length].secret; });
  for (const [name, place] of Object.entries(files)) writeFileSync(path.join(setup.dir, `${name}.secret`), planted[place]);
};

before(async () => {
  if (skip) return;
  setup = await configured({
    change: (text) => `${text.replaceAll(/(api_key|client_secret): env:T_(COMPOSIO|SCALEKIT|PIPEDREAM)_\w+/g, (_, name, vendor) => `${name}: file:DIR/${vendor.toLowerCase()}.secret`)
      .replace('env:T_WORKER_SECRET', 'file:DIR/worker.secret')}log: {level: debug, format: json}\n`,
    prepare: ({ dir, file }) => {
      writeFileSync(file, readFileSync(file, 'utf8').replaceAll('DIR', dir));
      for (const name of Object.keys(files)) writeFileSync(path.join(dir, `${name}.secret`), 'to-be-planted-later');
    },
  });
  const { sandbox } = setup;
  const make = async (name, options) => { vendors[name] = await broker(sandbox[`${name}_url`], options); };
  await make('composio', {
    swap: ({ headers }, body) => { headers['x-api-key'] = sandbox.composio_api_key; return body; },
    said: () => planted['composio api_key'],
  });
  await make('scalekit', {
    tokenPath: '/oauth/token',
    decoyToken: () => planted['scalekit token'],
    said: () => planted['scalekit client_secret'],
    swap: ({ isMint }, body) => {
      if (!isMint) return body;
      const form = new URLSearchParams(body.toString());
      assert.equal(form.get('client_secret'), planted['scalekit client_secret']);
      form.set('client_secret', sandbox.scalekit_client_secret);
      return Buffer.from(form.toString());
    },
  });
  await make('pipedream', {
    tokenPath: '/v1/oauth/token',
    decoyToken: () => planted['pipedream token'],
    said: () => planted['pipedream client_secret'],
    swap: ({ isMint }, body) => {
      if (!isMint) return body;
      const asked = JSON.parse(body);
      assert.equal(asked.client_secret, planted['pipedream client_secret']);
      return Buffer.from(JSON.stringify({ ...asked, client_secret: sandbox.pipedream_client_secret }));
    },
  });
  vendors.worker = await broker(null, { said: () => planted['worker secret'] });
  plant(0);
  writeFileSync(setup.file, ['composio', 'scalekit', 'pipedream'].reduce((text, name) => text.replace(sandbox[`${name}_url`], vendors[name].url), readFileSync(setup.file, 'utf8')));
  const rows = path.join(setup.dir, 'worker.yaml');
  writeFileSync(rows, `- {toolkit: decoy, vendor: worker, status: LIVE, endpoint: "${vendors.worker.url}", secret: billing, adr: ADR-1}\n`);
  await setup.cli('registry', 'import', rows, '--config', setup.file);
  gateway = await setup.serve();
});
after(async () => {
  if (skip) return;
  for (const one of Object.values(vendors)) one.stop();
  await setup.stop();
});

const keep = (where, reply) => {
  heard.push({ where, bytes: Buffer.concat([Buffer.from(JSON.stringify(reply.headers)), reply.body]) });
  return reply;
};
const reloads = async () => Number(/switchyard_reloads_total\{result="ok"\} (\d+)/.exec((await gateway.admin.get('/metrics')).body)?.[1] ?? 0);
const calls = {
  composio: { tool: 'echo_write', vendor: 'composio', user_id: 'user_123', arguments: { v: 1 } },
  scalekit: { tool: 'echo_write', vendor: 'scalekit', user_id: 'user_123', arguments: { v: 1 } },
  pipedream: { tool: 'echo_write', vendor: 'pipedream', user_id: 'user_123', arguments: { v: 1 } },
  worker: { tool: 'decoy_go', arguments: { v: 1 }, timeout_ms: 3000 },
};

// At Scalekit and a worker HTTP 200 is success, and a result is passed on octet for octet.
const isResult = (vendor, mode) => ['scalekit', 'worker'].includes(vendor) && mode === 'provider error inside 200';

// Every decoy meets a few of the ways, one after the other all of them; SY_DECOY_WAYS=all: each all.
const modesOf = (round) => {
  const all = Object.keys(indiscretions);
  const count = process.env.SY_DECOY_WAYS === 'all' ? all.length : Number(process.env.SY_DECOY_WAYS ?? 4);
  return Array.from({ length: count }, (_, i) => all[(round * count + i) % all.length]);
};

test('each decoy serves: its vendors are called with it, and say it back in every way', { skip, timeout: 600000 }, async () => {
  const rounds = Math.min(all.length, Number(process.env.SY_DECOYS ?? all.length));
  const seen = { ok: 0, failed: 0 };
  for (let round = 0; round < rounds; round++) {
    plant(round);
    const before = await reloads();
    gateway.signal('SIGHUP');
    await eventually('the reload', async () => (await reloads()) > before, 10000);
    await Promise.all(Object.entries(calls).map(async ([vendor, body]) => {
      // Three failures in a row leave the breaker closed; then a call that works.
      for (const [at, mode] of modesOf(round).entries()) {
        if (at % 3 === 0) {
          vendors[vendor].mode = null;
          // What the vendor said in place of a fact is believed for a second.
          await eventually(`${vendor} works again after ${mode}`, async () => keep(`${vendor} ok`, await gateway.execute(body)).status === 200);
          seen.ok++;
        }
        if (isResult(vendor, mode)) continue;
        vendors[vendor].mode = mode;
        const reply = keep(`${vendor}: ${mode}`, await gateway.execute({ ...body, explain: at % 2 === 0 }));
        assert.notEqual(reply.status, 200, `${vendor} ${mode}: ${reply.body}`);
        seen.failed++;
      }
      vendors[vendor].mode = null;
    }));
    // Every tenth decoy: the vendor refuses to mint, and says the secret back.
    if (round % 10 === 0) {
      for (const vendor of ['scalekit', 'pipedream']) vendors[vendor].mintFails = true;
      const again = await reloads();
      gateway.signal('SIGHUP');
      await eventually('the reload', async () => (await reloads()) > again, 10000);
      for (const vendor of ['scalekit', 'pipedream']) keep(`${vendor} mint`, await gateway.execute(calls[vendor]));
      for (const vendor of ['scalekit', 'pipedream']) vendors[vendor].mintFails = false;
    }
  }
  for (const [name, one] of Object.entries(vendors)) assert.ok(one.seen > rounds, `${name} said ${one.seen} things`);
  Object.assign(counted, seen, { rounds });
});

test('0 finds in replies, pages, metrics, log, store, journals, and what the commands print', { skip, timeout: 300000 }, async () => {
  for (const page of ['/v1/calls?limit=200', '/v1/registry/export?format=json', '/v1/vendors', '/v1/keys', '/v1/cases', '/openapi.json']) keep(page, await gateway.get(page));
  keep('metrics', await gateway.admin.get('/metrics'));
  const env = { ...setup.env, SWITCHYARD_URL: gateway.url, SWITCHYARD_KEY: gateway.key };
  for (const args of [['vendor', 'list'], ['registry', 'export'], ['check', '--config', setup.file], ['doctor', '--config', setup.file], ['backup', path.join(setup.dir, 'var/copy.db')]]) {
    const done = await run(args, { env });
    heard.push({ where: `switchyard ${args[0]}`, bytes: Buffer.from(done.stdout + done.stderr) });
  }
  await gateway.stop();
  const log = gateway.output();
  heard.push({ where: 'log', bytes: Buffer.from(log.stdout + log.stderr) });
  for (const one of readdirSync(path.join(setup.dir, 'var'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())) {
    heard.push({ where: one.name, bytes: readFileSync(path.join(one.parentPath ?? one.path, one.name)) });
  }
  const hits = search(all.map(({ rule, secret }) => ({ name: rule, secret })), heard);
  const bytes = heard.reduce((sum, one) => sum + one.bytes.length, 0);
  report('decoys', {
    section: 'egress',
    title: 'Decoy credentials',
    command: 'tests/run --only secrets',
    text: `${all.length} decoys, one for each of gitleaks' rules that has a pattern (one rule of its 222 names a file), each as Composio's key, Scalekit's and `
      + "Pipedream's secret and token and a worker's secret, through calls that work and vendors that say the credential back in "
      + `${Object.keys(indiscretions).length} ways (${modesOf(0).length} of them a decoy), at log level debug. Searched: every reply, page and metric, the log, the store, the journals and the commands' output, `
      + `each decoy in up to ${Math.max(...all.slice(0, 20).map(({ secret }) => forms(secret).length))} forms (plain, JSON escapes, reversed, percent, hex, base64 at three offsets).`,
    columns: ['what', 'count'],
    rows: [['decoys planted', counted.rounds], ['places each', places.length], ['calls that worked', counted.ok], ['calls that failed', counted.failed], ['MB searched', Math.round(bytes / 1e6)], ['finds', hits.length]],
  });
  assert.deepEqual(hits.slice(0, 20), []);
});

test('the search finds what is there: every form, anywhere', { skip }, () => {
  for (const { rule, secret } of all) {
    for (const form of forms(secret)) {
      const hits = search([{ name: rule, secret }], [{ where: 'x', bytes: Buffer.from(`abc ${form} xyz-----`) }]);
      assert.ok(hits.length > 0, `${rule}: ${form}`);
    }
  }
});
