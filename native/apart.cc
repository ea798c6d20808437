#include "apart.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <limits>

#include "io.h"

namespace vfio_isolate {
namespace {

constexpr int kMostSignals = 64;

/** Node's handlers and masks are not meant for the new process. */
void resetSignals() {
  for (int number = 1; number <= kMostSignals; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

/** Keeps one at most, as descriptor 0. */
void closeAllBut(int fd) {
  if (fd < 0 || dup2(fd, 0) < 0) close(0);
  // By its number, since glibc has it from 2.34 on only; the kernel has it from 5.9 on.
  if (syscall(SYS_close_range, 1U, std::numeric_limits<unsigned>::max(), 0U) == 0) return;
  rlimit most{};
  getrlimit(RLIMIT_NOFILE, &most);
  for (rlim_t number = 1; number < most.rlim_cur; ++number) close(static_cast<int>(number));
}

/** Between fork(2) and _exit(2) of a process of several threads only what is async-signal-safe may be called. */
template <typename Call>
Result<pid_t> apart(int fd, Call call) {
  const pid_t pid = fork();
  if (pid < 0) return {-1, {errno, "fork"}};
  if (pid > 0) return {pid, {}};
  setsid();
  resetSignals();
  closeAllBut(fd);
  if (chdir("/") < 0) _exit(errno);
  _exit(call());
}

}  // namespace

Result<pid_t> syncApart() {
  return apart(-1, [] {
    sync();
    return 0;
  });
}

Result<pid_t> writeApart(int fd, std::string_view value) {
  return apart(fd, [value] { return writeOnce(0, value); });
}

Result<std::optional<int>> endedApart(pid_t pid) {
  siginfo_t ended{};
  const auto id = static_cast<id_t>(pid);
  if (retried([&] { return waitid(P_PID, id, &ended, WEXITED | WNOHANG); }) < 0) return {{}, {errno, "waitid"}};
  if (ended.si_pid == 0) return {std::nullopt, {}};
  return {ended.si_code == CLD_EXITED ? ended.si_status : EINTR, {}};
}

}  // namespace vfio_isolate
