#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "failure.h"
#include "unique_fd.h"

namespace vfio_isolate {

/** PF_* flags of include/linux/sched.h, as field 9 of /proc/TID/stat shows them. */
constexpr uint32_t kNoSetAffinity = 0x04000000;
constexpr uint32_t kKernelThread = 0x00200000;
constexpr uint32_t kExiting = 0x00000004;

/** What is used of /proc/TID/stat, see proc_pid_stat(5). */
struct TaskStat {
  std::string_view comm{};
  char state = 0;
  int32_t ppid = 0;
  uint32_t flags = 0;
  int32_t threads = 0;
  uint64_t start = 0;

  /** `comm` points into it. The line has 52 numbers of at most 20 digits. */
  std::array<char, 2048> text;

  bool isKernelThread() const { return (flags & kKernelThread) != 0; }
  /** Exiting or a zombie: the kernel takes such a task without moving it. */
  bool isDying() const { return state == 'Z' || state == 'X' || (flags & kExiting) != 0; }
};

/** Whether an errno of procfs says that the task has exited. */
bool isGone(int error);

/** A procfs held open. Each function returns an errno, or 0. */
class Proc {
 public:
  static Result<Proc> open(const std::string &path);

  int stat(int32_t tid, TaskStat &stat) const;
  /** Threads of a process, from the link count of its task directory: far cheaper than listing that. */
  int threadCount(int32_t tid, int32_t &count) const;
  int threads(int32_t pid, std::vector<int32_t> &tids) const;
  /** Every process that this procfs shows. */
  int processes(std::vector<int32_t> &pids) const;
  int threadGroup(int32_t tid, int32_t &tgid) const;
  /** At most 15 bytes, but for kernel threads. */
  int name(int32_t tid, std::string &comm) const;
  /** The effective user: the owner of /proc/TID is root's where the process may not be dumped. */
  int user(int32_t tid, uint32_t &uid) const;
  /** Path of the cgroup in the v1 cpuset hierarchy or in the v2 one. */
  int cgroup(int32_t tid, int version, std::string &path) const;

  const std::string &path() const { return path_; }
  std::string pathOf(int32_t tid, const char *file) const;

 private:
  int readFile(int32_t tid, const char *file, std::string &text) const;
  int readNumbers(const char *directory, std::vector<int32_t> &numbers) const;

  UniqueFd fd_;
  std::string path_;
};

/** Parses a line of /proc/TID/stat; false where it does not look like one. */
bool parseStat(std::string_view line, TaskStat &stat);

}  // namespace vfio_isolate
