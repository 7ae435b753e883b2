// The parameters of the link to the engine, for the states in a JSON file.
import { readFileSync } from 'node:fs';

const { copy, engineSetting } = await import(new URL('../../mtbkd_core/browser/state.js', import.meta.url));
const { start, changes } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
console.log(JSON.stringify(changes.map((change) => engineSetting({ ...copy(start), ...change }, start).parameters)));
