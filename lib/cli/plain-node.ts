/**
 * Whether Node was started without options of its own. With them V8 may refuse what it compiled before, or Node have
 * something to write at its end: a profile, a trace, coverage.
 */
export function isPlainNode({ execArgv, env }: NodeJS.Process = process): boolean {
  return execArgv.length === 0 && !env['NODE_OPTIONS'] && !env['NODE_V8_COVERAGE'];
}
