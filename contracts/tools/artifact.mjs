#!/usr/bin/env node
// Writes artifacts/Gate.json, what the Rust side deploys, from forge's out/. With --check it writes nothing and exits 1 if
// the committed file is not what the sources build. Run after `forge build`.
import { readFileSync, writeFileSync } from 'node:fs';

const at = (path) => new URL(`../${path}`, import.meta.url);
const target = at('artifacts/Gate.json');

const build = JSON.parse(readFileSync(at('out/Gate.sol/Gate.json'), 'utf8'));
const artifact = {
  contract: 'Gate',
  solc: build.metadata.compiler.version,
  bytecode: build.bytecode.object,
  // One line per entry keeps the diff of an interface change readable; the order is the compiler's.
  abi: build.abi,
};
if (!/^0x[0-9a-f]+$/.test(artifact.bytecode)) throw new Error('the bytecode is empty or not linked');

const { abi, ...head } = artifact;
const fresh =
  JSON.stringify(head, null, 1).slice(0, -2) +
  `,\n "abi": [\n${abi.map((entry) => `  ${JSON.stringify(entry)}`).join(',\n')}\n ]\n}\n`;
JSON.parse(fresh);

if (!process.argv.includes('--check')) {
  writeFileSync(target, fresh);
} else if (readFileSync(target, 'utf8') !== fresh) {
  console.error('artifacts/Gate.json is not what src/ builds: run `forge build && node tools/artifact.mjs`');
  process.exit(1);
}
