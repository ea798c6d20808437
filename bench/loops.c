/**
 * What a C program does in the place of the tool, and the processes on which both are measured. Each loop prints the
 * nanoseconds that it took, without its own start.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static long long now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static char *slurp(const char *path) {
  size_t size = 1 << 20, length = 0;
  char *text = malloc(size + 1);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || text == NULL) fail(path);
  for (;;) {
    ssize_t got = read(fd, text + length, size - length);
    if (got < 0) fail(path);
    if (got == 0) break;
    length += (size_t)got;
    if (length == size && (text = realloc(text, (size *= 2) + 1)) == NULL) fail("realloc");
  }
  close(fd);
  text[length] = '\0';
  return text;
}

static void *wait_forever(void *unused) {
  for (;;) pause();
  return unused;
}

/**
 * Processes of so many threads each; they end with the one that started them. That ends them itself on SIGTERM: left to
 * init, dead ones would have their PIDs for as long as it needs to reap them.
 */
static int spawn(int processes, int threads) {
  pid_t *pids = calloc((size_t)processes, sizeof *pids);
  if (pids == NULL) fail("calloc");
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, NULL);
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 16384);
  pid_t parent = getpid();
  for (int i = 0; i < processes; i++) {
    pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid > 0) {
      pids[i] = pid;
      continue;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    pthread_t thread;
    for (int t = 1; t < threads; t++)
      if (pthread_create(&thread, &small, wait_forever, NULL) != 0) fail("pthread_create");
    wait_forever(NULL);
  }
  puts("ready");
  fflush(stdout);
  int signal;
  sigwait(&term, &signal);
  for (int i = 0; i < processes; i++) kill(pids[i], SIGKILL);
  while (wait(NULL) > 0) continue;
  return 0;
}

/** Of a list of TIDs, one write each. */
static void write_each(const char *list, const char *to) {
  int fd = open(to, O_WRONLY | O_CLOEXEC);
  if (fd < 0) fail(to);
  for (const char *tid = list, *end; (end = strchr(tid, '\n')) != NULL; tid = end + 1)
    if (write(fd, tid, (size_t)(end - tid)) < 0) fail("write");
  close(fd);
}

static long long move_tasks(const char *from, const char *to) {
  long long start = now();
  char *text = slurp(from);
  write_each(text, to);
  free(text);
  return now() - start;
}

/** Reads each task's stat, appends its TID and start time to a file that is made durable, and moves it then. */
static long long record_and_move(const char *from, const char *to, const char *record) {
  long long start = now();
  char *text = slurp(from), *lines = malloc(strlen(text) * 8 + 1), *out = lines;
  if (lines == NULL) fail("malloc");
  for (char *tid = text, *end; (end = strchr(tid, '\n')) != NULL; tid = end + 1) {
    char path[64], stat[2048];
    snprintf(path, sizeof path, "/proc/%.*s/stat", (int)(end - tid), tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail(path);
    ssize_t got = read(fd, stat, sizeof stat - 1);
    if (got < 0) fail(path);
    close(fd);
    stat[got] = '\0';
    char *field = strrchr(stat, ')') + 1;
    for (int n = 0; n < 20; n++) field = strchr(field, ' ') + 1;
    out += sprintf(out, "%.*s %llu\n", (int)(end - tid), tid, strtoull(field, NULL, 10));
  }
  int fd = open(record, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, lines, (size_t)(out - lines)) < 0 || fsync(fd) < 0) fail(record);
  close(fd);
  free(lines);
  write_each(text, to);
  free(text);
  return now() - start;
}

static long long set_affinities(const char *list, unsigned long mask) {
  long long start = now();
  char *text = slurp(list);
  for (char *tid = text, *end; (end = strchr(tid, '\n')) != NULL; tid = end + 1)
    if (sched_setaffinity(atoi(tid), sizeof mask, (cpu_set_t *)&mask) < 0) fail("sched_setaffinity");
  free(text);
  return now() - start;
}

/** Processes of that name. */
static long long scan(const char *name, int *found) {
  long long start = now();
  DIR *proc = opendir("/proc");
  if (proc == NULL) fail("/proc");
  size_t length = strlen(name);
  for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    char path[300], comm[64];
    snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    ssize_t got = read(fd, comm, sizeof comm);
    close(fd);
    if (got == (ssize_t)length + 1 && memcmp(comm, name, length) == 0) ++*found;
  }
  closedir(proc);
  return now() - start;
}

int main(int count, char **args) {
  const char *what = count > 1 ? args[1] : "";
  int found = 0;
  long long took;
  if (count == 4 && strcmp(what, "spawn") == 0) return spawn(atoi(args[2]), atoi(args[3]));
  if (count == 4 && strcmp(what, "move") == 0) {
    took = move_tasks(args[2], args[3]);
  } else if (count == 5 && strcmp(what, "record") == 0) {
    took = record_and_move(args[2], args[3], args[4]);
  } else if (count == 4 && strcmp(what, "affinity") == 0) {
    took = set_affinities(args[2], strtoul(args[3], NULL, 16));
  } else if (count == 3 && strcmp(what, "scan") == 0) {
    took = scan(args[2], &found);
  } else {
    fprintf(stderr, "loops: spawn N THREADS | move FROM TO | record FROM TO FILE | affinity LIST MASK | scan NAME\n");
    return 2;
  }
  printf("%lld %d\n", took, found);
  return 0;
}
