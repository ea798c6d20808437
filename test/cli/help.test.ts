import { describe, expect, it } from 'vitest';
import { actions } from '../../lib/actions/registry.js';
import { commandHelp, programHelp } from '../../lib/cli/help.js';
import { verbs } from '../../lib/cli/verbs.js';
import { create, governor, irq, pin } from './specs.js';

const specs = [...actions.map(({ spec }) => spec), ...verbs];

/** The original's `--help`, but for a blank line that click put before the last option. */
const ORIGINAL = `Usage: vfio-isolate [OPTIONS] COMMAND1 [ARGS]... [COMMAND2 [ARGS]...]...

Options:
  -v, --verbose                enable verbose output
  -d, --debug                  enable debug output
  -u, --undo-file <undo-file>  Create a file that describes the operations
                               needed to undo
  --help                       Show this message and exit.

Commands:
  compact-memory  compact memory
  cpu-governor    set the CPU governor for the given CPUs
  cpuset-create   create a cpuset
  cpuset-delete   delete a cpuset
  cpuset-modify   modify a cpuset
  drop-caches     drop caches
  irq-affinity    manipulate the IRQ affinity
  move-tasks      move tasks between cpusets
  restore         restore a previous state using an undo file
`;

describe("the program's help", () => {
  it("reads as the original's, with what was added", () => {
    const lines = programHelp(specs, 80).split('\n');
    const old = ORIGINAL.split('\n');
    expect(lines.filter((line) => old.includes(line))).toEqual(old);
    expect(lines.filter((line) => !old.includes(line))).toEqual([
      '  --no-undo                    keep no undo record: nothing can be restored',
      '                               afterwards',
      '  -n, --dry-run                print what would change, and change nothing',
      '  --json                       print the result as one JSON object',
      '  --keep-going                 go on after a command that failed, and keep what',
      '                               the others did',
      "  --force                      do what is refused for safety's sake",
      '  --wait <seconds>             wait at most so long for another run to end',
      '                               (default: 10, for restore 120)',
      '  --version                    Show the version and exit.',
      '  demo            isolate a busy process of its own, show it, and restore',
      '  records         list the undo records: since when, by whom, what they hold',
      '  task-affinity   set the CPUs that processes and kernel threads may run on',
      '  x3d-mode        choose the die that an AMD X3D processor prefers',
    ]);
  });

  it('lists the commands by name', () => {
    const listed =
      programHelp([...specs].reverse(), 80)
        .split('Commands:\n')[1]
        ?.matchAll(/^ {2}(\S+)/gm) ?? [];
    expect([...listed].map(([, name]) => name)).toEqual(specs.map(({ name }) => name).sort());
  });

  it.each([60, 80, 120])('fits into %i columns, and so does that of every command', (width) => {
    const pages = [programHelp(specs, width), ...specs.map((spec) => commandHelp({ ...spec, examples: [] }, width))];
    for (const line of pages.join('').split('\n')) {
      if (!line.startsWith('Usage: ')) expect(line.length).toBeLessThanOrEqual(width);
    }
  });
});

describe("a command's help", () => {
  it('lists arguments, options in the manner of click, and examples', () => {
    const spec = {
      ...create,
      description: ['What it does.', 'And why.'],
      examples: [{ line: 'vfio-isolate create /x', effect: 'a cpuset' }],
    };
    expect(commandHelp(spec, 80)).toBe(`Usage: vfio-isolate create [OPTIONS] <cpuset-name>

  What it does.

  And why.

Arguments:
  <cpuset-name>  the cpuset

Options:
  --cpus <cpus>                   its CPUs
  --mems <nodes>                  its nodes
  -mm, --mem-migrate / -nmm, --no-mem-migrate
                                  memory follows
  -ce, --cpu-exclusive / -nce, --no-cpu-exclusive
                                  CPUs are its own
  --mode <mode>                   a mode
  --help                          Show this message and exit.

Examples:
  vfio-isolate create /x
      a cpuset
`);
  });

  it('shows what is optional, repeated, or one of a few', () => {
    expect(commandHelp(governor, 80)).toContain('Usage: vfio-isolate governor <governor> [<cpus>]\n');
    expect(commandHelp(pin, 80)).toContain('Usage: vfio-isolate pin [OPTIONS] <cpus> [<pids>...]\n');
    expect(commandHelp(irq, 80)).toContain('Usage: vfio-isolate irq mask|add <cpus>\n');
  });
});
