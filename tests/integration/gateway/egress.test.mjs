// What a registry row names is dialled only if it is public or the operator allowed the network.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { configured, corpora } from './gateway.mjs';

let setup;
let gateway;
let trap;
let caught = 0;
before(async () => {
  setup = await configured({ allow: '[]' });
  gateway = await setup.serve();
  trap = net.createServer((socket) => { caught++; socket.destroy(); });
  await new Promise((resolve) => trap.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  trap.close();
  await gateway.stop();
  await setup.stop();
});

const port = () => trap.address().port;
let serial = 0;

// A worker row with this endpoint, then a call: refused as a row, or refused as an address.
async function dial(endpoint) {
  const toolkit = `trap${++serial}`;
  const put = await gateway.request('PUT', `/v1/registry/toolkits/${toolkit}`, {
    headers: { 'if-none-match': '*' }, body: [{ toolkit, vendor: 'worker', endpoint, secret: 'billing', adr: 'ADR-1', status: 'LIVE' }],
  });
  if (put.status !== 201) {
    assert.ok(put.status >= 400 && put.status < 500, `${endpoint}: ${put.status} ${put.body}`);
    return 'row refused';
  }
  const reply = await gateway.execute({ tool: `${toolkit}_go`, timeout_ms: 3000 });
  assert.notEqual(reply.status, 200, `${endpoint}: ${reply.body}`);
  assert.deepEqual([reply.json.code, reply.json.cause], ['policy_denied', 'egress_refused'], `${endpoint}: ${reply.body}`);
  assert.equal(reply.json.maybe_applied, false);
  return 'address refused';
}

test('private, link-local and loopback addresses are refused, in every spelling', async () => {
  const hosts = ['127.0.0.1', 'localhost', '127.1', '0', '0.0.0.0', '2130706433', '0x7f000001', '0177.0.0.1', '127.0.0.1.', '[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:7f00:1]',
    '[64:ff9b::7f00:1]', '[fe80::1]', '[fc00::1]', '[fec0::1]', '10.0.0.1', '172.16.0.1', '192.168.0.1', '100.64.0.1', '169.254.169.254', '169.254.170.2', '192.0.0.1', '198.18.0.1', '224.0.0.1', '255.255.255.255', 'LOCALHOST'];
  for (const host of hosts) {
    await dial(`http://${host}:${port()}/`);
    await dial(`https://${host}:${port()}/x`);
  }
  assert.equal(caught, 0);
});

test('addresses of the ssrf corpus are refused as rows or as addresses; no connection is made', { skip: corpora ? false : 'skipped: no corpora', timeout: 120000 }, async () => {
  const lines = ['urls-payloadsallthethings.txt', 'urls-seclists.txt'].flatMap((name) => readFileSync(path.join(corpora, 'ssrf', name), 'utf8').split('\n')).filter(Boolean);
  // A test must not look up or dial public names: only spellings of addresses, and what is no URL.
  const address = /^(?:[a-z]+:\/\/)?(?:[^/@]*@)?(?:\[[0-9a-f:.]+\]|(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+))*|localhost)(?:[:/?#]|$)/i;
  const isPublic = /\/\/(?:1\.1\.1\.1|8\.8\.8\.8)/;
  const own = lines.filter((line) => (address.test(line) || !/^https?:/i.test(line)) && !isPublic.test(line));
  assert.ok(own.length > 100, String(own.length));
  const seen = {};
  for (const line of own) {
    const how = await dial(line);
    seen[how] = (seen[how] ?? 0) + 1;
  }
  assert.equal(caught, 0);
  assert.ok(seen['row refused'] > 20 && seen['address refused'] > 20, JSON.stringify(seen));
});

test('vendors that the configuration names are exempt, and a redirect leads nowhere', async () => {
  assert.equal((await gateway.execute({ tool: 'echo_echo', vendor: 'composio', user_id: 'user_123' })).status, 200);
  await setup.sandbox.fault({ vendor: 'composio', path: '*/execute/*', fault: { redirect: `http://127.0.0.1:${port()}/` } });
  const reply = await gateway.execute({ tool: 'echo_echo', vendor: 'composio', user_id: 'user_123' });
  assert.deepEqual([reply.status, reply.json.cause], [502, 'redirect_refused']);
  assert.equal(caught, 0);
});

test('what the operator allows is dialled', async () => {
  const allowed = await configured({ allow: '["127.0.0.1/32"]' });
  const open = await allowed.serve();
  const reply = await open.execute({ tool: 'billing_get_invoice', arguments: { invoice_id: 'inv_1001' } });
  assert.equal(reply.status, 200, reply.body.toString());
  await open.stop();
  await allowed.stop();
});
