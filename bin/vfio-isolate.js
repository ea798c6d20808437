#!/usr/bin/env node
// A script, not a module: Node's module loader takes longer to start than all of the rest. An old Node must be able to
// parse it.
const [major, minor] = process.versions.node.split('.').map(Number);
if ((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22) {
  require('../dist/main.cjs').main();
} else {
  console.error(`vfio-isolate: Node.js ${process.version} will not do; install ^20.19 or >=22.12`);
  process.exitCode = 1;
}
