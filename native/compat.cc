#include <cstdlib>

// GCC 11's headers call this function of libstdc++ where an allocation would overflow, and older libraries, such as
// those of RHEL 8 and Debian 10, lack it (GLIBCXX_3.4.29). Without exceptions it could only end the process anyway.
extern "C" [[noreturn, gnu::visibility("hidden")]] void throwBadArrayNewLength() asm(
    "_ZSt28__throw_bad_array_new_lengthv");

void throwBadArrayNewLength() { std::abort(); }
