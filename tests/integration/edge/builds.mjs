// Which build a test runs: figures of memory, time and load are a release build's (SY_RELEASE_BIN),
// everything else is the build under test.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { root } from '../gateway/gateway.mjs';

/** Makes the release build the one that gateway.mjs starts; false when there is none. */
export function useRelease() {
  const program = process.env.SY_RELEASE_BIN ?? path.join(root, 'build/release/switchyard');
  if (!existsSync(program)) return false;
  process.env.SWITCHYARD_BIN = program;
  return true;
}

/** A test program of the build, or null. */
export function testProgram(name) {
  const dirs = process.env.SY_BUILD_DIR ? [path.resolve(root, process.env.SY_BUILD_DIR)]
    : ['asan-ubsan', 'dev', 'release'].map((dir) => path.join(root, 'build', dir));
  return dirs.map((dir) => path.join(dir, 'tests', name)).find(existsSync) ?? null;
}

/** A line of /proc/PID/status in kB: VmRSS, VmHWM. */
export function statusKb(pid, name) {
  return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
}

/** Connections that the server's side of `port` still holds. */
export function held(port) {
  const local = `:${Number(port).toString(16).toUpperCase().padStart(4, '0')}`;
  const [LISTEN, TIME_WAIT] = ['0A', '06'];
  return readFileSync('/proc/net/tcp', 'utf8').split('\n').map((line) => line.trim().split(/\s+/))
    .filter((cells) => cells[1]?.endsWith(local) && ![LISTEN, TIME_WAIT].includes(cells[3])).length;
}

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}
