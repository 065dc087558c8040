#include "cli/proxy/qdisc.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "live/net/unique_fd.h"
#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

[[noreturn]] void Skip(const std::string& why) {
  throw runner::UserError("io: skipped, since this machine cannot do --qdisc: " + why);
}

// Without root, the namespace belongs to a user namespace in which this user is root.
void Unshare() {
  if (unshare(CLONE_NEWNET) == 0) return;
  const std::string user = std::to_string(getuid());
  const std::string group = std::to_string(getgid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    Skip(std::string("no network namespace: ") + std::strerror(errno) + ": run it as root");
  }
  std::ofstream("/proc/self/setgroups") << "deny";
  std::ofstream("/proc/self/uid_map") << "0 " << user << " 1";
  std::ofstream("/proc/self/gid_map") << "0 " << group << " 1";
}

void RaiseLoopback() {
  const live::UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = {};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (!fd.valid() || ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) {
    Skip(std::string("its loopback stays down: ") + std::strerror(errno));
  }
}

runner::RunResult Tc(std::vector<std::string> words) {
  words.insert(words.begin(), "tc");
  try {
    return runner::RunToEnd({words, {}});
  } catch (const runner::UserError&) {
    Skip("there is no tc (Debian package iproute2)");
  }
}

}  // namespace

void EnterNetworkWith(const std::string& qdisc) {
  Unshare();
  RaiseLoopback();
  std::vector<std::string> words = {"qdisc", "add", "dev", "lo", "root"};
  std::istringstream spec(qdisc);
  for (std::string word; spec >> word;) words.push_back(word);
  const runner::RunResult result = Tc(words);
  if (result.exit_code == 0) return;
  Skip("tc qdisc add dev lo root " + qdisc + ": " + result.err.substr(0, result.err.find('\n')) +
       " (is it spelled as tc(8) has it, and does the kernel have it: modprobe sch_…?)");
}

std::string QdiscFigures() {
  const runner::RunResult result = Tc({"-s", "qdisc", "show", "dev", "lo"});
  std::istringstream lines(result.out);
  std::string word;
  std::string kind;
  lines >> word >> kind;
  for (std::string line; std::getline(lines, line);) {
    const size_t at = line.find("Sent ");
    if (at != line.npos) return kind + ": sent" + line.substr(at + 4);
  }
  return kind;
}

}  // namespace resprobe::cli
