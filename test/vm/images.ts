// npm run vm:images: downloads and builds what the guests boot from, so that no test has to wait for it.
import { buildImages } from './build/images.js';
import { missing } from './capability.js';

const reason = await missing();
if (reason) {
  process.stderr.write(`vm:images: no guest can run: ${reason}\n`);
  process.exit(2);
}
await buildImages();
