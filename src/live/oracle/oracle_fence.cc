#include "live/oracle/oracle_fence.h"

#include <sstream>
#include <string_view>
#include <utility>

#include "core/resp/writer.h"

namespace resprobe::live {

void OracleFence::Use(UniqueFd fd) {
  link_.Use(std::move(fd), verdict_->hang_ms(), target_->stop());
}

// Reads one line: an error, a status, a number.
bool OracleFence::Answer(std::string* answer) {
  answer->clear();
  while (!answer->ends_with('\n')) {
    if (link_.Read(verdict_->hang_ms()) != RespConnection::Got::kBytes) return false;
    *answer += link_.in();
    link_.Take(link_.in().size());
  }
  return true;
}

bool OracleFence::Demand(const std::string& words, std::string* error) {
  std::vector<std::string> all;
  std::istringstream stream(words);
  for (std::string word; stream >> word;) all.push_back(word);
  if (!Ask(all, error)) return false;
  if (answer_ == "+OK\r\n") return true;
  while (answer_.ends_with('\n') || answer_.ends_with('\r')) answer_.pop_back();
  *error = "the server refuses " + words + ": " + answer_;
  return false;
}

bool OracleFence::Ask(const std::vector<std::string>& words, std::string* error) {
  resp::AppendRequest(&link_.out(), std::vector<std::string_view>(words.begin(), words.end()));
  link_.Send();
  if (Answer(&answer_)) return true;
  *error = "the server does not answer " + words.front();
  return false;
}

bool OracleFence::Pass(int rounds) {
  for (int i = 0; i < rounds; ++i) {
    link_.out() = "*1\r\n$4\r\nPING\r\n";
    link_.Send();
    if (Answer(&answer_)) continue;
    verdict_->ServerFailed();
    return false;
  }
  return true;
}

}  // namespace resprobe::live
