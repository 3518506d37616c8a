// A client that holds every reply against the served OpenAPI document.
import assert from 'node:assert/strict';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const templateToPattern = (template) => new RegExp(`^${template.replace(/[.]/g, '\\.').replace(/\{[^}]+\}/g, '[^/]+')}$`);

export async function contractOf(gateway) {
  const document = (await gateway.withKey(null).get('/openapi.json')).json;
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats(ajv);
  ajv.addSchema(document, 'api');
  const paths = Object.keys(document.paths)
    .map((template) => ({ template, pattern: templateToPattern(template), literal: !template.includes('{') }))
    .sort((a, b) => Number(b.literal) - Number(a.literal));
  const used = new Set();

  const operationOf = (method, target) => {
    const at = paths.find(({ pattern }) => pattern.test(new URL(target, 'http://x').pathname));
    return at && document.paths[at.template][method === 'HEAD' ? 'get' : method.toLowerCase()];
  };
  const fits = (schema, value, what) => {
    // A $ref of the document is relative to the document.
    const check = ajv.compile(schema.$ref ? { $ref: `api${schema.$ref}` } : schema);
    assert.ok(check(value), `${what}: ${ajv.errorsText(check.errors)}\n${JSON.stringify(value).slice(0, 2000)}`);
  };

  // `reply` as it came; checks status, media type and schema; gives it back.
  const held = (method, target, reply) => {
    const what = `${method} ${target} ${reply.status}`;
    assert.match(reply.headers['x-request-id'] ?? '', /^[\x21-\x7e]{1,128}$/, what);
    const type = (reply.headers['content-type'] ?? '').split(';')[0];
    const operation = operationOf(method, target);
    if (reply.status >= 400) {
      assert.equal(type, 'application/problem+json', what);
      if (method === 'HEAD') return reply;
      fits({ $ref: '#/components/schemas/Problem' }, reply.json, what);
      assert.equal(reply.json.status, reply.status, what);
      return reply;
    }
    if (method === 'OPTIONS') return reply;
    assert.ok(operation, `${what}: not described`);
    used.add(operation.operationId);
    const described = operation.responses[reply.status];
    assert.ok(described, `${what}: status not described`);
    if (!described.content) {
      assert.equal(reply.body.length, 0, what);
    } else if (method !== 'HEAD') {
      assert.ok(described.content[type], `${what}: ${type} not described`);
      if (type === 'application/json' && described.content[type].schema.$ref) fits(described.content[type].schema, reply.json, what);
    }
    return reply;
  };

  const checked = (client) => ({
    ask: async (method, target, options = {}) => {
      const reply = held(method, target, await client.request(method, target, options));
      // What the gateway takes, the document allows.
      const operation = operationOf(method, target);
      const schema = operation?.requestBody?.content['application/json']?.schema;
      if (reply.status < 300 && schema?.$ref && options.body !== undefined && !Buffer.isBuffer(options.body)) {
        fits(schema, typeof options.body === 'string' ? JSON.parse(options.body) : options.body, `${method} ${target} request`);
      }
      return reply;
    },
    get(target, options) { return this.ask('GET', target, options); },
    post(target, body, options) { return this.ask('POST', target, { body, ...options }); },
    execute(body, options) { return this.post('/v1/execute', body, options); },
    withKey: (key) => checked(client.withKey(key)),
    client,
  });
  return { document, operations: Object.values(document.paths).flatMap((path) => Object.values(path).map((op) => op.operationId)), used, client: checked(gateway) };
}

// All items of a list, page by page.
export async function allItems(client, target, limit) {
  const items = [];
  let cursor = null;
  for (let pages = 0; pages < 1000; pages++) {
    const join = target.includes('?') ? '&' : '?';
    const reply = await client.get(`${target}${join}limit=${limit}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
    assert.equal(reply.status, 200);
    assert.ok(reply.json.items.length <= limit);
    items.push(...reply.json.items);
    cursor = reply.json.next_cursor;
    if (cursor === null) return items;
    assert.equal(reply.json.items.length, limit);
  }
  throw new Error(`${target} does not end`);
}
