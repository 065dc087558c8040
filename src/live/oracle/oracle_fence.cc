#include "live/oracle/oracle_fence.h"

#include <utility>

namespace resprobe::live {

void OracleFence::Use(UniqueFd fd) {
  link_.Use(std::move(fd), verdict_->hang_ms(), target_->stop());
}

bool OracleFence::Demand(const std::string& line, std::string* error) {
  link_.out() = line + "\r\n";
  link_.Send();
  std::string answer;
  while (!answer.ends_with('\n')) {
    if (link_.Read(verdict_->hang_ms()) != RespConnection::Got::kBytes) {
      *error = "the server does not answer " + line;
      return false;
    }
    answer += link_.in();
    link_.Take(link_.in().size());
  }
  if (answer == "+OK\r\n") return true;
  while (answer.ends_with('\n') || answer.ends_with('\r')) answer.pop_back();
  *error = "the server refuses " + line + ": " + answer;
  return false;
}

bool OracleFence::Pass(int rounds) {
  for (int i = 0; i < rounds; ++i) {
    link_.out() = "PING\r\n";
    link_.Send();
    std::string answer;
    while (!answer.ends_with('\n')) {
      const RespConnection::Got got = link_.Read(verdict_->hang_ms());
      if (got != RespConnection::Got::kBytes) {
        verdict_->ServerFailed();
        return false;
      }
      answer += link_.in();
      link_.Take(link_.in().size());
    }
  }
  return true;
}

}  // namespace resprobe::live
