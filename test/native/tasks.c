/* Processes and threads for the tests to move. Each mode prints a line once all of them are there, and then waits. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void ready(void) {
  puts("ready");
  fflush(stdout);
}

static void *idle(void *unused) {
  for (;;) pause();
  return unused;
}

static void wait_for_ever(void) { idle(NULL); }

/* P processes of T threads each, besides this one. */
static void processes(int count, int threads) {
  int gate[2];
  char byte = 0;
  if (pipe(gate) != 0) exit(1);
  for (int process = 0; process < count; process++) {
    if (fork() != 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int thread = 1; thread < threads; thread++) {
      pthread_t id;
      if (pthread_create(&id, NULL, idle, NULL) != 0) exit(1);
    }
    if (write(gate[1], &byte, 1) != 1) exit(1);
    wait_for_ever();
  }
  for (int process = 0; process < count; process++) {
    if (read(gate[0], &byte, 1) != 1) exit(1);
  }
  ready();
  wait_for_ever();
}

/* Each process lives for an instant and leaves a child behind, until the time is up. */
static void lineage(double end) {
  while (now() < end) {
    if (fork() > 0) _exit(0);
    usleep(1500);
  }
  wait_for_ever();
}

/* A process that starts another one every millisecond, all of which stay. */
static void family(double end) {
  while (now() < end) {
    if (fork() == 0) wait_for_ever();
    usleep(1000);
  }
  wait_for_ever();
}

static void storm(double seconds) {
  const double end = now() + seconds;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  signal(SIGCHLD, SIG_IGN);
  for (int line = 0; line < 4; line++) {
    if (fork() == 0) lineage(end);
  }
  if (fork() == 0) family(end);
  usleep(20000);
  ready();
  wait_for_ever();
}

/* One that has exited and that nobody waits for. */
static void zombie(void) {
  if (fork() == 0) _exit(0);
  usleep(50000);
  ready();
  wait_for_ever();
}

static void named(const char *name) {
  prctl(PR_SET_NAME, name);
  ready();
  wait_for_ever();
}

int main(int argc, char **argv) {
  setpgid(0, 0);
  if (argc > 3 && strcmp(argv[1], "processes") == 0) processes(atoi(argv[2]), atoi(argv[3]));
  if (argc > 2 && strcmp(argv[1], "storm") == 0) storm(atof(argv[2]));
  if (argc > 1 && strcmp(argv[1], "zombie") == 0) zombie();
  if (argc > 2 && strcmp(argv[1], "named") == 0) named(argv[2]);
  return 2;
}
