/** Whether a task among very many costs more than one among few. */
import { readFileSync } from 'node:fs';
import { moveTasks, openHost } from '../dist/index.js';
import { compare, takeTurns } from './measure.js';
import { figureOf, list, thereAndBack, timed } from './turns.js';

const SIZES = [2000, 20_000, 50_000];
const ROUNDS = 7;

/** Tasks that this machine can have beside its own. */
const room = () => Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8')) - 6000;

export async function* growth(scene) {
  const host = openHost();
  const times = {};
  for (const size of SIZES) {
    if (size > room()) {
      process.stdout.write(`(no room for ${size} tasks: pid_max leaves ${room()}; npm run bench:guest has it)\n`);
      break;
    }
    await scene.populate(size, 1);
    const turn = thereAndBack(scene);
    const ours = turn((from, to) => timed(() => moveTasks(host, { cgroup: from }, to)));
    const c = turn(async (from, to) => scene.loop('move', list(from), list(to)).took);
    times[size] = await takeTurns({ ours, again: ours, c }, ROUNDS);
    yield figureOf(`moveTasks of ${size} x 1, against C`, times[size], ['ours', 'c']);
    if (size === SIZES[0]) continue;
    for (const [name, told] of Object.entries({ ours: 'moveTasks', c: 'C' })) {
      const each = (of) => times[of][name].map((time) => time / of);
      yield {
        what: `${told}: a task among ${size}, against one among ${SIZES[0]}`,
        ...compare(each(size), each(SIZES[0])),
      };
    }
  }
}
