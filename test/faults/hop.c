/* Goes on as a child of its own every few microseconds: so whoever is listed has exited before it can be looked at. */
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Longest that it lasts, should nobody say stop. */
#define SECONDS 60

int main(int count, char **words) {
  if (count != 2) return 2;
  const time_t end = time(NULL) + SECONDS;
  const struct timespec pause = {0, 60000};
  signal(SIGCHLD, SIG_IGN);
  puts("ready");
  fflush(stdout);
  while (access(words[1], F_OK) != 0 && time(NULL) < end) {
    nanosleep(&pause, NULL);
    if (fork() > 0) _exit(0);
  }
  return 0;
}
