/** Values that no argument of a kind may have: each is a TypeError or RangeError, wherever it stands. */
import { addon } from './addon.js';

export const ANY = [
  undefined,
  null,
  true,
  7n,
  Symbol('s'),
  [],
  {},
  () => 0,
  new Date(0),
  Number.NaN,
  -1,
  0.5,
  2 ** 60,
  '',
];
export const except = (...good: unknown[]): unknown[] =>
  ANY.filter((value) => !good.some((one) => Object.is(one, value)));

export const NO_TID = [...except(), Number.POSITIVE_INFINITY, 2 ** 31, '0'];
export const NO_PATH = [...except(''), 'a\0b', '\0', Buffer.from('x'), new String('x')];
export const NO_TEXT = [...except(''), Buffer.from('x')];
export const NO_TIDS = [
  ...except(),
  Int32Array.of(-1),
  new Uint32Array(1),
  [1],
  new Float64Array(1),
  new DataView(new ArrayBuffer(8)),
];
export const NO_BYTES = [...except(), new Int8Array(8), new Uint8ClampedArray(8), new ArrayBuffer(8), 'ff'];
const resizable = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]) as ArrayBuffer;
const detached = new Int32Array(2);
structuredClone(detached.buffer, { transfer: [detached.buffer] });
export const NO_CONTROL = [
  ...except(),
  new Int32Array(1),
  new Int32Array(0),
  new Uint32Array(2),
  new Int32Array(resizable),
  detached,
];
/** Neither a Directory, nor the path and type of one. */
export const NO_PLACE = [...except(), '/tmp', addon.Directory, { path: 1 }, { path: '/tmp', type: '1' }];

export const NO_DIRECTORY = [...NO_PLACE, Object.create(addon.Directory.prototype), { path: '/tmp' }];
