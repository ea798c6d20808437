/** What a test in a guest is tried once more for: the kernel itself fell over, as emulation brings about now and then. */
export const retry = { count: 1, condition: /^guest \S+ (died|gave|was)\b(.|\n)*\(kernel Oops\)/ };
