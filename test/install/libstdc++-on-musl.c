/** What Debian's libstdc++ asks of glibc, and musl has not: Bun for musl needs some libstdc++, and Debian has none for it. */
#include <locale.h>
#include <stddef.h>
#include <sys/random.h>
#include <time.h>

char __libc_single_threaded = 0;
struct {
  unsigned words[16];
} __cpu_model;

int __cpu_indicator_init(void) { return 0; }

int __cxa_thread_atexit_impl(void (*call)(void *), void *object, void *library) {
  (void)call;
  (void)object;
  (void)library;
  return 0;
}

size_t __strftime_l(char *text, size_t size, const char *format, const struct tm *time, locale_t locale) {
  return strftime_l(text, size, format, time, locale);
}

int _dl_find_object(void *address, void *result) {
  (void)address;
  (void)result;
  return -1;
}

unsigned arc4random(void) {
  unsigned number = 0;
  getrandom(&number, sizeof number, 0);
  return number;
}
