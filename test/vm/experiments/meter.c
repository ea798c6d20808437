// What the experiments measure with in a guest, where a script would take longer than what it times.
//   meter gap SECONDS CPU     spins on a CPU, once it says ready: the longest time between two readings of the clock, in
//                             microseconds
//   meter write FILE TEXT     one write(2): nanoseconds that it took, and its errno or 0
//   meter watch SECONDS DIR.. what inotify(7) reports of directories
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int gap(int seconds, int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) return perror("sched_setaffinity"), 1;
  puts("ready");
  fflush(stdout);
  long long longest = 0, last = now();
  for (const long long end = last + seconds * 1000000000LL; last < end;) {
    const long long present = now();
    if (present - last > longest) longest = present - last;
    last = present;
  }
  printf("%lld\n", longest / 1000);
  return 0;
}

static int write_once(const char *file, const char *text) {
  const int fd = open(file, O_WRONLY);
  if (fd < 0) return perror(file), 1;
  const long long begun = now();
  const ssize_t put = write(fd, text, strlen(text));
  const int error = put < 0 ? errno : 0;
  printf("%lld %d\n", now() - begun, error);
  return 0;
}

static int watch(int seconds, int count, char **directories) {
  char buffer[65536] __attribute__((aligned(8)));
  struct pollfd in = {.fd = inotify_init1(IN_NONBLOCK), .events = POLLIN};
  for (int index = 0; index < count; index++)
    if (inotify_add_watch(in.fd, directories[index], IN_CREATE | IN_DELETE | IN_MODIFY) != index + 1)
      return perror(directories[index]), 1;
  puts("ready");
  fflush(stdout);
  for (const long long end = now() + seconds * 1000000000LL; now() < end; poll(&in, 1, 100)) {
    const ssize_t got = read(in.fd, buffer, sizeof buffer);
    for (ssize_t at = 0; at < got;) {
      const struct inotify_event *event = (const struct inotify_event *)(buffer + at);
      const char *what = event->mask & IN_CREATE ? "created" : event->mask & IN_DELETE ? "deleted" : "modified";
      printf("%s %s/%s\n", what, directories[event->wd - 1], event->len > 0 ? event->name : "");
      at += (ssize_t)(sizeof *event + event->len);
    }
  }
  return 0;
}

int main(int count, char **words) {
  if (count == 4 && strcmp(words[1], "gap") == 0) return gap(atoi(words[2]), atoi(words[3]));
  if (count == 4 && strcmp(words[1], "write") == 0) return write_once(words[2], words[3]);
  if (count > 3 && strcmp(words[1], "watch") == 0) return watch(atoi(words[2]), count - 3, words + 3);
  return 2;
}
