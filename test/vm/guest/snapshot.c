// Prints what vfio-isolate may change on a host as one JSON object:
// {"files": {PATH: CONTENT}, "tasks": {"TID:START": {...}}, "events": {NAME: COUNT}}.
// PATH/ with an empty content is a cgroup that exists.
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <ftw.h>
#include <glob.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const watched[] = {
    "/proc/irq/default_smp_affinity",
    "/proc/irq/*/smp_affinity_list",
    "/proc/sys/kernel/sched_rt_runtime_us",
    "/proc/sys/kernel/watchdog_cpumask",
    "/proc/sys/vm/nr_hugepages",
    "/proc/sys/vm/stat_interval",
    "/sys/devices/system/cpu/cpu*/online",
    "/sys/devices/system/cpu/cpufreq/policy*/energy_performance_preference",
    "/sys/devices/system/cpu/cpufreq/policy*/scaling_governor",
    "/sys/devices/system/cpu/cpufreq/policy*/scaling_max_freq",
    "/sys/devices/system/cpu/cpufreq/policy*/scaling_min_freq",
    "/sys/devices/system/node/node*/hugepages/*/nr_hugepages",
    "/sys/devices/virtual/workqueue/cpumask",
    "/sys/devices/virtual/workqueue/cpumask_requested",
    "/sys/devices/virtual/workqueue/*/cpumask",
};

// Where systemd keeps the properties that were set at run time.
static const char *const drop_ins[] = {
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
};

static char content[1 << 16];

// The file's content without the final newline, or NULL; unreadable files are left out, as they were before.
static const char *slurp(const char *path) {
  FILE *file = fopen(path, "re");
  if (!file) return NULL;
  size_t length = fread(content, 1, sizeof content - 1, file);
  bool failed = ferror(file);
  fclose(file);
  if (failed) return NULL;
  if (length && content[length - 1] == '\n') length--;
  content[length] = '\0';
  return content;
}

static void print_string(const char *text) {
  putchar('"');
  for (; *text; text++) {
    unsigned char byte = (unsigned char)*text;
    if (byte == '"' || byte == '\\') printf("\\%c", byte);
    else if (byte < 0x20 || byte > 0x7e) printf("\\u%04x", byte);
    else putchar(byte);
  }
  putchar('"');
}

static bool first_entry;

static void print_key(const char *key) {
  if (!first_entry) printf(",\n");
  first_entry = false;
  print_string(key);
  putchar(':');
}

static void print_file(const char *path) {
  const char *text = slurp(path);
  if (!text) return;
  print_key(path);
  print_string(text);
}

static void print_matches(const char *pattern) {
  glob_t found;
  if (glob(pattern, 0, NULL, &found) == 0)
    for (size_t i = 0; i < found.gl_pathc; i++) print_file(found.gl_pathv[i]);
  globfree(&found);
}

static bool on_v2, on_cpuset;

// Version 1 may be mounted noprefix, so there it is every file but the lists of members and the pressure meter.
static bool is_cpuset_file(const char *name) {
  if (on_v2) {
    return strncmp(name, "cpuset.", 7) == 0 || strcmp(name, "cgroup.subtree_control") == 0 || strcmp(name, "cgroup.type") == 0;
  }
  return on_cpuset && strcmp(name, "tasks") != 0 && strcmp(name, "cgroup.procs") != 0 &&
         strcmp(name, "memory_pressure") != 0 && strcmp(name, "cpuset.memory_pressure") != 0;
}

static int print_cgroup_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
  (void)status;
  if (type == FTW_D) {
    char directory[4200];
    snprintf(directory, sizeof directory, "%s/", path);
    print_key(directory);
    print_string("");
  } else if (type == FTW_F && is_cpuset_file(path + walk->base)) {
    print_file(path);
  }
  return 0;
}

static void print_cgroups(void) {
  FILE *mounts = setmntent("/proc/self/mounts", "re");
  struct mntent *mount;
  while (mounts && (mount = getmntent(mounts))) {
    on_v2 = strcmp(mount->mnt_type, "cgroup2") == 0;
    on_cpuset = hasmntopt(mount, "cpuset") != NULL;
    if (on_v2 || strcmp(mount->mnt_type, "cgroup") == 0) nftw(mount->mnt_dir, print_cgroup_entry, 32, FTW_PHYS | FTW_MOUNT);
  }
  if (mounts) endmntent(mounts);
}

static int print_drop_in(const char *path, const struct stat *status, int type, struct FTW *walk) {
  (void)status, (void)walk;
  if (type == FTW_F) print_file(path);
  return 0;
}

// The value of a line "Name:\tvalue" of /proc/TID/status.
static void status_value(const char *status, const char *name, char *value, size_t size) {
  const char *line = strstr(status, name);
  value[0] = '\0';
  if (!line) return;
  line += strlen(name);
  line += strspn(line, "\t ");
  snprintf(value, size, "%.*s", (int)strcspn(line, "\n"), line);
}

static void print_task(const char *tgid, const char *tid) {
  char path[512], key[64], name[64], cpus[2048], mems[512];
  unsigned flags;
  unsigned long long start;
  int parent;
  char state;

  snprintf(path, sizeof path, "/proc/%s/task/%s/stat", tgid, tid);
  const char *stat = slurp(path);
  // the name in parentheses may itself hold anything
  const char *fields = stat ? strrchr(stat, ')') : NULL;
  if (!fields) return;
  if (sscanf(fields + 1, " %c %d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &state, &parent, &flags,
             &start) != 4)
    return;
  // init reaps when it likes; what has exited runs on no CPU and can be moved nowhere
  if (state == 'Z' || state == 'X') return;
  snprintf(key, sizeof key, "%s:%llu", tid, start);

  snprintf(path, sizeof path, "/proc/%s/task/%s/status", tgid, tid);
  const char *status = slurp(path);
  if (!status) return;
  status_value(status, "Name:", name, sizeof name);
  status_value(status, "Cpus_allowed_list:", cpus, sizeof cpus);
  status_value(status, "Mems_allowed_list:", mems, sizeof mems);

  snprintf(path, sizeof path, "/proc/%s/task/%s/cgroup", tgid, tid);
  const char *cgroup = slurp(path);
  if (!cgroup) return;

  print_key(key);
  printf("{\"process\":%s,\"parent\":%d,\"flags\":%u,\"name\":", tgid, parent, flags);
  print_string(name);
  printf(",\"cpus\":");
  print_string(cpus);
  printf(",\"mems\":");
  print_string(mems);
  printf(",\"cgroup\":");
  print_string(cgroup);
  putchar('}');
}

static void print_tasks(void) {
  DIR *proc = opendir("/proc");
  struct dirent *process, *thread;
  while (proc && (process = readdir(proc))) {
    if (!isdigit((unsigned char)process->d_name[0])) continue;
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/task", process->d_name);
    DIR *threads = opendir(path);
    while (threads && (thread = readdir(threads)))
      if (isdigit((unsigned char)thread->d_name[0])) print_task(process->d_name, thread->d_name);
    if (threads) closedir(threads);
  }
  if (proc) closedir(proc);
}

// What leaves no other trace: counters of /proc/vmstat.
static void print_events(void) {
  FILE *file = fopen("/proc/vmstat", "re");
  char name[64];
  unsigned long long count;
  while (file && fscanf(file, "%63s %llu", name, &count) == 2) {
    if (strcmp(name, "drop_pagecache") != 0 && strcmp(name, "drop_slab") != 0 && strncmp(name, "compact_", 8) != 0) continue;
    print_key(name);
    printf("%llu", count);
  }
  if (file) fclose(file);
}

int main(void) {
  first_entry = true;
  printf("{\"files\":{\n");
  for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) print_matches(watched[i]);
  print_cgroups();
  for (size_t i = 0; i < sizeof drop_ins / sizeof *drop_ins; i++) nftw(drop_ins[i], print_drop_in, 32, FTW_PHYS);
  printf("\n},\"tasks\":{\n");
  first_entry = true;
  print_tasks();
  printf("\n},\"events\":{\n");
  first_entry = true;
  print_events();
  printf("\n}}\n");
  return fflush(stdout) == 0 ? 0 : 1;
}
