#include "live/oracle/oracle_fence.h"

#include <sstream>
#include <string_view>
#include <utility>

#include "core/resp/writer.h"

namespace resprobe::live {

void OracleFence::Use(Link link) {
  link_.Use(std::move(link), verdict_->hang_ms(), target_->stop());
}

// Reads one line: an error, a status, a number.
RespConnection::Got OracleFence::Answer() {
  constexpr size_t kMostBytes = 64 << 10;
  answer_.clear();
  while (!answer_.ends_with('\n') && answer_.size() <= kMostBytes) {
    const RespConnection::Got got = link_.Read(verdict_->hang_ms());
    if (got != RespConnection::Got::kBytes) return got;
    answer_ += link_.in();
    link_.Take(link_.in().size());
  }
  return RespConnection::Got::kBytes;
}

// A server may have closed this connection, and go on.
bool OracleFence::Exchange(std::string_view request) {
  for (bool again : {false, true}) {
    if (again) {
      std::string ignored;
      Link link = target_->Dial(&ignored);
      if (!link.valid()) return false;
      Use(std::move(link));
    }
    link_.out() = request;
    link_.Send();
    const RespConnection::Got got = Answer();
    if (got != RespConnection::Got::kClosed) return got == RespConnection::Got::kBytes;
  }
  return false;
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
  std::string request;
  resp::AppendRequest(&request, std::vector<std::string_view>(words.begin(), words.end()));
  if (Exchange(request)) return true;
  *error = "the server does not answer " + words.front();
  return false;
}

bool OracleFence::Pass(int rounds) {
  for (int i = 0; i < rounds; ++i) {
    if (Exchange("*1\r\n$4\r\nPING\r\n")) continue;
    verdict_->ServerFailed();
    return false;
  }
  return true;
}

}  // namespace resprobe::live
