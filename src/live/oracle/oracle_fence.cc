#include "live/oracle/oracle_fence.h"

#include <algorithm>
#include <sstream>
#include <string_view>
#include <utility>

#include "core/resp/reply_parser.h"
#include "core/resp/writer.h"

namespace resprobe::live {

void OracleFence::Use(Link link) {
  link_.Use(std::move(link), verdict_->hang_ms(), target_->stop());
}

// A server may work on all that it has been sent, and send all replies then.
int OracleFence::SilenceMs() const {
  size_t owed = 0;
  for (const OracleConnection& connection : *connections_) owed += connection.owed_replies();
  return verdict_->hang_ms() + static_cast<int>(owed) * reply_ms_;
}

// While a server with one thread writes a long reply to another client, it answers no other client,
// so the reply must be read here. The server hangs only if no connection gets any bytes.
RespConnection::Got OracleFence::Wait() {
  using Got = RespConnection::Got;
  if (target_->has_virtual_time()) return link_.Read(verdict_->hang_ms());
  constexpr int kSliceMs = 50;
  // Whoever reads so long a reply says that it has no end.
  constexpr size_t kMostHeld = 65 << 20;
  for (int left_ms = SilenceMs(); left_ms > 0; left_ms -= kSliceMs) {
    const Got got = link_.Read(std::min(left_ms, kSliceMs));
    if (got != Got::kNothing || target_->stop()()) return got;
    for (OracleConnection& connection : *connections_) {
      RespConnection& link = connection.link;
      if (!link.connected() || !connection.owes()) continue;
      while (link.Read(0) == Got::kBytes) {
        left_ms = SilenceMs() + kSliceMs;
        if (link.in().size() <= kMostHeld) continue;
        link_.Drop();  // its answer is still to come
        return Got::kBytes;
      }
    }
  }
  return Got::kNothing;
}

// Reads one reply, after any pushes; what is no RESP is an answer too.
RespConnection::Got OracleFence::Answer() {
  using Status = resp::ReplyParser::Status;
  constexpr size_t kMostBytes = 64 << 10;
  answer_.clear();
  resp::ReplyParser parser;
  for (size_t bytes = 0; bytes <= kMostBytes;) {
    const RespConnection::Got got = Wait();
    if (got != RespConnection::Got::kBytes || !link_.connected()) return got;
    while (!link_.in().empty()) {
      const auto result = parser.Parse(link_.in());
      bytes += result.consumed;
      if (result.status == Status::kError) {
        link_.Take(link_.in().size());
        return RespConnection::Got::kBytes;
      }
      link_.Take(result.consumed);
      if (result.status != Status::kValue) break;
      if (parser.reply().root().type() == resp::Type::kPush) {
        parser.Reset();
        continue;
      }
      answer_ = resp::ToText(parser.reply().root());
      link_.Take(link_.in().size());
      return RespConnection::Got::kBytes;
    }
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
    link_.Take(link_.in().size());
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
  if (answer_ == "OK") return true;
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
