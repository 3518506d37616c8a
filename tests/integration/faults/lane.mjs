// One lane of the matrix: a gateway whose first choice is one vendor and whose second is another, over
// stand-ins of its own. Cells of a lane run one after another, with a good call before each, so that
// the breaker is shut and what is counted belongs to the cell.
import fs from 'node:fs';
import path from 'node:path';
import { configured, openPolicy, root } from '../gateway/gateway.mjs';

export const executePath = { composio: '*/tools/execute/*', scalekit: '*/execute_tool', pipedream: '*/actions/run', worker: '*' };
export const mintPath = '*/oauth/token';
export const standby = { composio: 'scalekit', scalekit: 'composio', pipedream: 'composio', worker: 'composio' };
export const tools = { read: 'echo_echo', write: 'echo_write' };
const isExecute = {
  composio: (key) => /\/tools\/execute\//.test(key),
  scalekit: (key) => /\/execute_tool$/.test(key),
  pipedream: (key) => /\/actions\/run$/.test(key),
  worker: () => true,
};

// An import replaces a toolkit whole, so the rows at hand come along.
const workerRows = (url) => `${fs.readFileSync(path.join(root, 'registry/sandbox.yaml'), 'utf8').split('\n').filter((line) => line.includes('toolkit: echo,')).join('\n')}
- {toolkit: echo, vendor: worker, endpoint: "${url}", secret: billing, adr: ADR-070, status: LIVE, auth: none}
- {tool: echo_echo, toolkit: echo, vendor: worker, vendor_tool: echo_echo, match: exact, effect: read}
- {tool: echo_write, toolkit: echo, vendor: worker, vendor_tool: echo_write, match: exact, effect: write}
`;

const policyOf = (vendor) => `${openPolicy.replace('response_bytes: 32MiB', 'response_bytes: 1MiB')}rules:
  - {name: the-lane, when: {toolkit: echo}, use: [${vendor}, ${standby[vendor]}]}
fallback: {on: [vendor_unavailable, vendor_timeout, rate_limited], tries: 2, total: 30s}
`;

/** `env` reaches the gateway (a preloaded shim, a certificate authority). */
export async function openLane(vendor, { env = {}, threads = 1, policy = policyOf(vendor) } = {}) {
  const setup = await configured({
    policy, env,
    change: (text) => text.replace('threads: 2', `threads: ${threads}`),
  });
  const urls = Object.fromEntries(['composio', 'scalekit', 'pipedream', 'worker'].map((name) => [name, setup.sandbox[`${name}_url`]]));
  const rowsFile = path.join(setup.dir, 'worker-rows.yaml');
  const importWorker = async (url) => {
    fs.writeFileSync(rowsFile, workerRows(url));
    await setup.cli('registry', 'import', rowsFile, '--config', setup.file);
  };
  if (vendor === 'worker') await importWorker(urls.worker);
  const plain = fs.readFileSync(setup.file, 'utf8');

  const lane = {
    vendor, setup, urls, sandbox: setup.sandbox, slowest: 0, gateway: null,
    // A new gateway on the same store; `origin` stands in for the vendor's address.
    async start(origin) {
      await lane.end();
      if (vendor === 'worker') await importWorker(origin ?? urls.worker);
      else fs.writeFileSync(setup.file, origin ? plain.replace(urls[vendor], origin) : plain);
      lane.gateway = await setup.serve();
      // What both tools have to look up is known before the first cell.
      for (const at of origin ? [standby[vendor]] : [vendor, standby[vendor]]) {
        for (const tool of Object.values(tools)) await lane.gateway.execute({ tool, vendor: at, user_id: 'user_123' });
      }
    },
    async end() {
      if (lane.gateway) lane.output = (lane.output ?? '') + JSON.stringify(await lane.gateway.stop());
      lane.gateway = null;
    },
    async close() {
      await lane.end();
      await setup.stop();
    },
    call: (effect, route, more = {}) => lane.gateway.execute({
      tool: tools[effect], user_id: 'user_123', ...(route === 'none' ? { vendor } : {}), ...more,
    }),
    // How long the machine takes for a call in which nothing is wrong is part of what is allowed.
    async good(at = vendor) {
      const started = performance.now();
      const reply = await lane.gateway.execute({ tool: tools.read, user_id: 'user_123', vendor: at, arguments: { marker: 'good' } });
      lane.slowest = Math.max(lane.slowest, performance.now() - started);
      if (reply.status !== 200 || reply.json.data?.marker !== 'good') throw new Error(`no good call at ${at}: ${reply.status} ${reply.body}`);
      return reply;
    },
    fault: (fault, { count = 0, at = executePath[vendor] } = {}) => setup.sandbox.fault({ vendor, path: at, count, fault }),
    async observe() {
      const [counts, metrics, health] = await Promise.all([setup.sandbox.counts(), lane.gateway.admin.get('/metrics'), lane.gateway.get('/v1/vendors')]);
      const executes = (name) => Object.entries(counts[name].requests).filter(([key]) => isExecute[name](key)).reduce((sum, [, n]) => sum + n, 0);
      const asked = (name) => Object.entries(counts[name].requests).filter(([key]) => key.endsWith('/oauth/token')).reduce((sum, [, n]) => sum + n, 0);
      return {
        executes: executes(vendor), standby: executes(standby[vendor]), mints: asked(vendor),
        failures: health.json.items.find((one) => one.vendor === vendor).failures,
        metrics: samples(metrics.body.toString()),
      };
    },
  };
  return lane;
}

// "name{labels}" -> value.
export function samples(text) {
  return new Map(text.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => {
    const space = line.lastIndexOf(' ');
    return [line.slice(0, space), Number(line.slice(space + 1))];
  }));
}

/** What grew between two readings, by labels, for one metric. */
export function grown(before, after, metric) {
  const found = [];
  for (const [name, value] of after) {
    const more = value - (before.get(name) ?? 0);
    if (more && name.startsWith(`${metric}{`)) {
      found.push({ more, ...Object.fromEntries([...name.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, text]) => [label, text])) });
    }
  }
  return found;
}
