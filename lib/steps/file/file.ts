/** A step that writes a kernel file. */
import { dirname } from 'node:path';
import * as v from 'valibot';
import { type Host, readIfThere } from '../../host.js';
import { listAt } from '../../kernel/cpuset-v2.js';
import { kernelFile, requireTexts } from '../../kernel/files.js';
import { keepingMasks, masksDetail } from '../masks.js';
import { memoryStays } from '../memory-stays.js';
import { previewList } from '../preview-list.js';
import type { StepKind } from '../step.js';
import { applyFile, shown, trigger } from './apply.js';
import { planBack } from './back.js';
import { type FileStep, shape } from './shape.js';

/** The step from what a file holds to a value, or none where it holds that already. @throws SystemError */
export function fileStep(host: Host, path: string, to: string): FileStep[] {
  const file = kernelFile(host, path);
  if (file.trigger) return [{ kind: 'file', target: path, from: null, to }];
  const from = host.read(path).trim();
  return file.same(from, to, path) ? [] : [{ kind: 'file', target: path, from, to }];
}

export const fileKind: StepKind<FileStep> = {
  kind: 'file',
  merges: 'target',

  validate(step, host) {
    const checked = v.parse(shape, step);
    const { target, from, to } = checked;
    requireTexts(host, target, from === null ? [to] : [from, to]);
    return checked;
  },

  validateDetail: (detail) => v.parse(masksDetail, detail),

  async apply(step, context) {
    const file = kernelFile(context.host, step.target);
    if (file.trigger) return trigger(step, context.host, context.control);
    const act = async () => applyFile(step, context.host);
    if (!file.overwritesMasks) return act();
    return keepingMasks(context, { below: dirname(step.target), births: true }, act);
  },

  undo: planBack,

  depth: ({ target }, host) => (listAt(host, target) === undefined ? undefined : target.split('/').length),

  remains({ step: { target, from, to } }, host) {
    if (/(^|[/.])mems$/.test(target) && from !== to) return [memoryStays(dirname(target), to)];
    const present = from === '' ? readIfThere(host, target) : '';
    if (present === undefined || present === '') return [];
    return [
      `${target} keeps ${present}, which is what it had by being empty: the kernel empties none that holds tasks`,
    ];
  },

  within: ({ target }) => dirname(target),

  describe({ target, from, to }) {
    return from === null ? `${target}: ${shown(to)}` : `${target}: ${shown(from)} -> ${shown(to)}`;
  },

  preview({ target, from, to }, overlay) {
    if (from === null) return;
    const at = listAt(overlay, target);
    if (at === undefined) overlay.write(target, to);
    else previewList(overlay, at.directory, at.list, to);
  },
};
