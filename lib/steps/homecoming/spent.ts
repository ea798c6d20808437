/** Moves of which nothing is away from home any more. */
import { type TaskId, taskKey } from '../../kernel/tasks.js';
import type { Move } from './homes.js';

/**
 * @param ended recorded tasks that are at home, or have exited
 * @param held destinations that hold what is not theirs
 * @returns indices
 */
export function spentMoves(moves: readonly Move[], ended: readonly TaskId[], held: ReadonlySet<string>): number[] {
  const keys = new Set(ended.map((task) => taskKey(...task)));
  const sources = new Set<string>();
  const spent: number[] = [];
  for (const [index, move] of [...moves.entries()].reverse()) {
    const isEnded = (task: TaskId) => keys.has(taskKey(...task)) || move.marking(task) !== undefined;
    // What a later one took from there is at home where this one took it from.
    if (isSpent(move, isEnded, held) && !sources.has(move.to)) spent.push(index);
    else sources.add(move.from);
  }
  return spent;
}

function isSpent(
  { to, began, residents, batches }: Move,
  isEnded: (task: TaskId) => boolean,
  held: ReadonlySet<string>,
): boolean {
  if (began === undefined) return true;
  if (held.has(to) || !residents.every(isEnded)) return false;
  return batches.every(({ processes, threads }) => processes.every(isEnded) && threads.every(isEnded));
}
