import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest; behind them the others fit into what is left of two cores. */
const long = [
  ...['debian-forky.vm', 'debian-13.vm', '6.1-v2.vm', '6.12-v2-small.vm', '7.2-v2-small.vm', '6.1-v2-small.vm'],
  ...['6.1-v1-small.vm', '6.1-v1.vm'],
  ...[
    'guest-v2.test',
    'guest-v1.test',
    'guest-systemd.test',
    'systemd-fails.test',
    'hotplug-v1.test',
    'hotplug-v2.test',
    'cpu-sets.vm',
  ],
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const index = long.findIndex((name) => moduleId.includes(`/${name}.`));
      return index < 0 ? long.length : index;
    };
    return [...files].sort((a, b) => rank(a) - rank(b));
  }
}
