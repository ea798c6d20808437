import { describe, test } from 'vitest';
import { notInPlace, openScratch } from '../support/scratch.js';
import { benchIn } from './bench.js';
import { refusedAnywhere } from './refusing.js';
import { scenes } from './scenes.js';

const place = 'v1, in place';

describe.skipIf(notInPlace)(`refused anywhere (${notInPlace ?? place})`, () => {
  test.each(scenes)('$what', async ({ what, prepare }) => {
    const scratch = openScratch();
    const words = await prepare(scratch);
    await refusedAnywhere(benchIn(scratch), words, `${what}, ${place}`, 8);
  });
});
