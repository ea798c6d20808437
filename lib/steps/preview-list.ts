/** A list of a cpuset of version 2, as a dry run lays it over a host: with what it amounts to. */
import { effectiveAbove } from '../kernel/cpuset-v2.js';
import type { List } from '../kernel/effective.js';
import { findCpusets } from '../kernel/mounts.js';
import { parseList } from '../sets/list.js';
import type { OverlayHost } from './overlay.js';

export function previewList(overlay: OverlayHost, directory: string, list: List, text: string): void {
  const above = effectiveAbove(overlay, findCpusets(overlay), directory, list);
  const own = parseList(text).intersect(above);
  overlay.write(`${directory}/cpuset.${list}`, text);
  overlay.write(`${directory}/cpuset.${list}.effective`, (own.isEmpty ? above : own).toString());
}
