// Figures that a run measured, kept for docs/reliability.md.
//
// report(name, {section, title, command, text, columns, rows}) writes build/report/NAME.json, or
// into $SY_REPORT_DIR. `section` orders and groups the page (see tests/report), `text` is the one
// paragraph that says what was done, `columns` and `rows` are the table as it is to be read: strings
// or numbers, ours first, peers beside it. Nothing is written when the folder cannot be made: a test
// never fails for want of a report.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

export function report(name, { section, title, command = 'tests/run', text, columns, rows }) {
  const folder = process.env.SY_REPORT_DIR ?? path.join(root, 'build/report');
  try {
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, `${name}.json`),
      `${JSON.stringify({ section, title, command, text, columns, rows }, null, 2)}\n`);
  } catch (error) {
    console.error(`report ${name}: ${error.message}`);
  }
}
