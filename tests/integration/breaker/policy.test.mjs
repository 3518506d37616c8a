// Rules that deny must not vanish with their files.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import path from 'node:path';
import { configured, eventually, openPolicy, run } from '../gateway/gateway.mjs';

let world;
before(async () => {
  world = await configured({ policy: `${openPolicy}rules:\n  - {name: no-writes, when: {toolkit: echo, effect: write}, deny: "not here"}\n` });
});
after(() => world.stop());

test('a reload without the policy folder keeps the rules in force and says so', async () => {
  const gateway = await world.serve();
  const write = async () => (await gateway.execute({ tool: 'echo_write', user_id: 'user_123' })).json.code;
  const folder = path.dirname(world.policyFile);
  assert.equal(await write(), 'policy_denied');
  renameSync(folder, `${folder}.away`);
  gateway.signal('SIGHUP');
  await eventually('the log says it', () => gateway.output().stderr.includes('the one that was read stays in force'));
  assert.equal(await write(), 'policy_denied');
  const checked = await run(['check', '--config', world.file], { env: world.env });
  assert.match(checked.stdout + checked.stderr, /holds no policy: the built-in one is in force/);
  renameSync(`${folder}.away`, folder);
  gateway.signal('SIGHUP');
  await eventually('the log says it', () => gateway.output().stderr.includes('read again'));
  assert.equal(await write(), 'policy_denied');
  await gateway.stop();
});
