// Policies that must not load, made from tables: each key with what it cannot be, each place with
// what cannot stand there.
const open = 'version: 1\norder: [native, pipedream, pending, worker]\n';

// What no key at the top can be.
const nowhere = ['nonsense', '-1', '1.5', '"\\u0001"', '[[]]', '[nonsense]', '{nonsense: 1}', '{1: 2}', '*nobody', '!!binary aGk=', '99999999999999999999'];
const keys = ['order', 'native', 'unlisted', 'pinning', 'pending', 'worker', 'session', 'subject', 'rules', 'fallback', 'limits', 'budgets'];

// Members of the sections, each with values that it cannot have.
const members = {
  version: { '': ['0', '2', '"1.0"', '[1]', '{}'] },
  pending: { wait: ['-1d', '14', 'soon', '[14d]'], max_criticality: ['none', '3', '[low]'] },
  worker: { require: ['adr', '[nothing]', '[1]', '{adr: true}'] },
  session: { environments: ['[production]', '[staging]', 'development', '[1]'] },
  subject: {
    default: ['"{user}"', '"{tenant}"', '"{tenant}{user}"', '""', '"{tenant}:{nobody}"', '[1]'],
    vendors: ['{nobody: "{tenant}:{user}"}', '{scalekit: "{user}"}', '[scalekit]'],
    tenants: ['{ascend: "fixed"}', '[ascend]'],
  },
  fallback: {
    on: ['[nonsense]', 'vendor_timeout', '[1]', '{vendor_timeout: 1}'],
    tries: ['0', '9', '-1', 'two', '[2]'],
    total: ['-1s', '30', 'long', '[30s]'],
  },
  limits: {
    request_bytes: ['-1', 'much', '[4MiB]', '4QiB'],
    response_bytes: ['-1', 'much', '[4MiB]', '4QiB'],
    tenant: ['50/s', '{rate: 50}', '{rate: -1/s}', '{rate: 50/d}', '{rate: fast}', '{burst: many}', '{burst: -1}', '{in_flight: -1}', '{in_flight: x}', '{speed: 1}'],
  },
};

const effects = ['', 'deny: no, use: [native]', 'avoid: [native], use: [pipedream]', 'avoid: [nobody]', 'use: [nobody]', 'use: {native: 1}', 'deny: [no]', 'deny: {}', 'avoid: [1]'];
const conditions = ['tenant: {a: 1}', 'tenant: [[a]]', 'user: {a: 1}', 'toolkit: {a: 1}', 'tool: {a: 1}', 'effect: nonsense', 'effect: [read, nonsense]',
  'environment: staging', 'environment: [production, staging]', 'criticality: huge', 'criticality: [low, 1]', 'vendor: composio', 'tenant_label: eu', 'colour: red'];

export function badPolicies() {
  const cases = [];
  const add = (name, text) => cases.push({ name, text });
  for (const key of keys) for (const value of nowhere) add(`${key}: ${value}`, `version: 1\n${key}: ${value}\n`);
  for (const [section, all] of Object.entries(members)) {
    for (const [member, values] of Object.entries(all)) {
      for (const value of values) add(`${section}.${member}: ${value}`, member ? `version: 1\n${section}: {${member}: ${value}}\n` : `${section}: ${value}\n`);
    }
  }
  for (const effect of effects) add(`rule with ${effect || 'nothing'}`, `${open}rules:\n  - {name: one${effect && `, ${effect}`}}\n`);
  for (const when of conditions) add(`when ${when}`, `${open}rules:\n  - {name: one, when: {${when}}, deny: no}\n`);
  add('a rule without a name', `${open}rules:\n  - {deny: no}\n`);
  add('two rules of one name', `${open}rules:\n  - {name: one, deny: no}\n  - {name: one, deny: no}\n`);
  add('a key twice', `${open}order: [native]\n`);
  add('two documents', `${open}---\n${open}`);
  add('nothing', '');
  add('a comment alone', '# version: 1\n');
  add('a tab', `version: 1\norder:\n\t- native\n`);
  add('a vendor twice', 'version: 1\nnative: [composio, composio]\n');
  add('a path twice', 'version: 1\norder: [native, native]\n');
  return cases;
}
