#include "sim/chaos_log.h"

#include <cerrno>
#include <cstdio>

namespace resprobe {
namespace {

constexpr const char* kWho[] = {"peer", "client", "system", "scheduler"};
const ChaosLog* current_log = nullptr;

}  // namespace

std::string ChaosLog::ResultText(int64_t result) {
  struct Name {
    int error;
    const char* text;
  };
  constexpr Name kNames[] = {{EAGAIN, "EAGAIN"},
                             {EALREADY, "EALREADY"},
                             {ECONNABORTED, "ECONNABORTED"},
                             {ECONNREFUSED, "ECONNREFUSED"},
                             {ECONNRESET, "ECONNRESET"},
                             {EINPROGRESS, "EINPROGRESS"},
                             {EINTR, "EINTR"},
                             {EISCONN, "EISCONN"},
                             {ENOTCONN, "ENOTCONN"},
                             {EPIPE, "EPIPE"},
                             {ETIMEDOUT, "ETIMEDOUT"}};
  for (const Name& name : kNames) {
    if (result == -name.error) return name.text;
  }
  return std::to_string(result);
}

std::string ChaosLog::Text(const Entry& entry) {
  char line[160];
  std::snprintf(
      line, sizeof(line), "%llu %lld.%03lldms %s %s %lld = %lld",
      static_cast<unsigned long long>(entry.number), static_cast<long long>(entry.at_us / 1000),
      static_cast<long long>(entry.at_us % 1000), kWho[static_cast<size_t>(entry.who)], entry.what,
      static_cast<long long>(entry.subject), static_cast<long long>(entry.result));
  return line;
}

std::string ChaosLog::Text() const {
  std::string text;
  for (uint64_t number = first(); number < next_; ++number) {
    text += Text(at(number));
    text += '\n';
  }
  return text;
}

const ChaosLog* ChaosLog::current() { return current_log; }
void ChaosLog::set_current(const ChaosLog* log) { current_log = log; }

}  // namespace resprobe
