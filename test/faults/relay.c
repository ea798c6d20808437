/*
 * A process whose threads each start the next one and exit, every few microseconds. SIGUSR1 starts them where they do not
 * run yet, and has one of them tell how many CPUs it may run on.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Longest that it lasts, should nobody say stop. */
#define SECONDS 120

static const char *stop;
static atomic_int asked;

static void *relay(void *unused);

static void pass_on(void) {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 65536);
  while (pthread_create(&thread, &attributes, relay, NULL) != 0) {
  }
}

static void *relay(void *unused) {
  const struct timespec pause = {0, 50000};
  if (access(stop, F_OK) == 0) _exit(0);
  if (atomic_exchange(&asked, 0) != 0) {
    cpu_set_t cpus;
    sched_getaffinity(0, sizeof cpus, &cpus);
    printf("%d\n", CPU_COUNT(&cpus));
    fflush(stdout);
  }
  nanosleep(&pause, NULL);
  pass_on();
  return unused;
}

int main(int count, char **words) {
  if (count != 4) return 2;
  stop = words[1];
  const int chains = atoi(words[3]);
  int running = strcmp(words[2], "now") == 0;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &signals, NULL);
  alarm(SECONDS);
  for (int i = 0; running && i < chains; i++) pass_on();
  puts("ready");
  fflush(stdout);
  for (int signal; sigwait(&signals, &signal) == 0;) {
    for (int i = 0; !running && i < chains; i++) pass_on();
    atomic_store(&asked, 1);
    running = 1;
  }
  return 0;
}
