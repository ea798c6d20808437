/** What a test in a guest is tried once more for: the kernel fell over or stood still, as emulation brings about now and then. */
export const retry = { count: 1, condition: /^guest \S+ (stood still|(died|gave|was)\b(.|\n)*\(kernel Oops\))/ };
