/** What CI has the time for, rather than all that there is: what `npm run test:full` tries. */
export const isShort = process.env['VFIO_ISOLATE_EXTENT'] === 'short';
