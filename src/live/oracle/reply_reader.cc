#include "live/oracle/reply_reader.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "core/resp/writer.h"
#include "core/server/client.h"

namespace resprobe::live {
namespace {

using resp::Type;
using Clock = std::chrono::steady_clock;

// How long a client waits before the oracle checks whether anything is pending. The result depends
// on that check, not on the time.
constexpr int kPatienceMs = 200;
constexpr int kBeginsMs = 20;
constexpr int kClosesMs = 3;

// A reply that has more bytes has no end; far above what a case can leave to be read.
constexpr size_t kMostReply = 64 << 20;
constexpr size_t kMostNumber = 64 << 10;

}  // namespace

void ReplyReader::Send(OracleConnection& connection) {
  if (connection.link.out().empty()) return;
  connection.unanswered += connection.link.out().size();
  connection.link.Send();
  ++counts_->writes;
}

void ReplyReader::Flush(OracleClient& client) {
  if (!client.connection->link.out().empty()) {
    Send(*client.connection);
    if (client.unfenced && core_->IsOpen(client.core_id)) {
      // Connections that the server has already served are read in the round in which it answers
      // the fence, 16 KiB of each.
      constexpr size_t kRound = 8 << 10;
      const int rounds = client.connection->server_id != 0 ? 1 : OracleFence::kAnyRounds;
      if (!fence_->Pass(rounds + static_cast<int>(client.connection->unanswered / kRound))) return;
      client.connection->unanswered = 0;
      // Long enough for a server with threads to have begun.
      if (!in_order_) client.connection->link.Read(kBeginsMs);
    }
    client.unfenced = false;
  }
  Read(client);
}

// Reads the answer to the oracle's own request at the start of a connection.
bool ReplyReader::ReadNumber(OracleClient& client) {
  OracleConnection& connection = *client.connection;
  if (connection.server_id != 0) return true;
  Send(connection);
  for (;;) {
    parsers_[0].Reset();
    const auto result = parsers_[0].Parse(connection.link.in());
    if (result.status == resp::ReplyParser::Status::kError) {
      verdict_->NoResp(client, std::nullopt, parsers_[0].error().message(), connection.link.in());
      return false;
    }
    if (connection.link.in().size() > kMostNumber) {
      verdict_->NoEnd(client, std::nullopt, connection.link.in());
      return false;
    }
    if (result.status == resp::ReplyParser::Status::kValue) {
      connection.link.Take(result.consumed);
      if (IsUnasked(client, parsers_[0].reply().root())) {
        if (verdict_->UnaskedPush(client, resp::ToText(parsers_[0].reply().root()))) return false;
        continue;
      }
      // A server without this command does not need the id.
      const int64_t id = parsers_[0].reply().root().type() == Type::kInteger
                             ? parsers_[0].reply().root().integer()
                             : 0;
      connection.server_id = id > 0 ? static_cast<uint64_t>(id) : OracleConnection::kNoNumber;
      return true;
    }
    const Wait wait = WaitFor(client);
    if (wait == Wait::kMore) continue;
    // A server that closes all connections is a different case.
    if (wait == Wait::kFailed || (wait == Wait::kClosed && !fence_->Pass())) return false;
    verdict_->DifferAtEnd(client, "no reply", "a reply to CLIENT ID", "none");
    return false;
  }
}

ReplyReader::Wait ReplyReader::WaitFor(OracleClient& client) {
  RespConnection& link = client.connection->link;
  RespConnection::Got got = link.Read(kPatienceMs);
  if (got == RespConnection::Got::kNothing) {
    const size_t before = link.in().size();
    if (!fence_->Pass()) return Wait::kFailed;
    if (link.in().size() > before) {
      client.connection->answered = true;
      return Wait::kMore;
    }
    // The server may be slow to accept a connection, and answer others meanwhile.
    constexpr int kTimes = 5;
    const int first_ms = std::min(kTimes * first_reply_ms_, verdict_->hang_ms());
    // Or it sends the replies to all that it has been sent together.
    const int all_ms = static_cast<int>(client.connection->owed_replies()) * reply_ms_;
    const int ms = std::max({kPatienceMs, all_ms, client.connection->answered ? 0 : first_ms});
    got = link.Read(in_order_ ? 0 : ms);
  }
  client.connection->answered |= got == RespConnection::Got::kBytes;
  if (got == RespConnection::Got::kBytes) return Wait::kMore;
  return got == RespConnection::Got::kClosed ? Wait::kClosed : Wait::kNever;
}

bool ReplyReader::ParseExpected(const OracleConnection& connection,
                                std::vector<SentValue>* values) {
  resp::ReplyParser parser;
  const OracleConnection::Chunk* begun = nullptr;  // where the current value began
  size_t at = connection.read;
  for (const OracleConnection::Chunk& chunk :
       std::span(connection.chunks).subspan(connection.next)) {
    std::string_view rest = std::string_view(connection.expected).substr(at, chunk.end - at);
    at = chunk.end;
    while (!rest.empty()) {
      // A value may continue in the output of later requests: MULTI, CLIENT REPLY SKIP, EXEC.
      if (parser.idle()) begun = &chunk;
      const auto result = parser.Parse(rest);
      if (result.status == resp::ReplyParser::Status::kError) return false;
      if (result.status == resp::ReplyParser::Status::kNeedMore) break;
      rest.remove_prefix(result.consumed);
      SentValue& value = values->emplace_back();
      value.asked = begun->asked;
      value.own = begun->own;
      parser.Take(&value.reply);
    }
  }
  return true;
}

// Output that no client can parse (hiredis cannot either) is compared only by its length, since its
// parts may have another order.
void ReplyReader::ReadOpaque(OracleClient& client) {
  OracleConnection& connection = *client.connection;
  while (connection.link.in().size() < connection.owed()) {
    const Wait wait = WaitFor(client);
    if (wait == Wait::kFailed) return;
    if (wait != Wait::kMore) break;
  }
  ++counts_->opaque;
  if (connection.link.in().size() != connection.owed()) {
    std::string core;
    std::string server;
    resp::AppendEscaped(&core, std::string_view(connection.expected).substr(connection.read));
    resp::AppendEscaped(&server, connection.link.in());
    return verdict_->DifferAtEnd(client, "length of messages inside EXEC", core, server);
  }
  connection.link.Take(connection.owed());
  connection.Clear();
}

bool ReplyReader::IsEndless(size_t bytes, Clock::time_point since) const {
  return bytes > kMostReply ||
         (bytes > 0 && Clock::now() - since > std::chrono::milliseconds(verdict_->hang_ms()));
}

bool ReplyReader::IsUnasked(const OracleClient& client, const resp::ReplyView& value) const {
  if (in_order_ || value.type() != Type::kPush) return false;
  const Client* const state = core_->FindClient(client.core_id);
  return state != nullptr && state->protocol == 2;
}

bool ReplyReader::Parse(const OracleClient& client, Arrived* arrived,
                        const std::vector<SentValue>* ours) {
  // Whose reply is the next one.
  const auto next = [&] {
    return ours == nullptr || arrived->values.size() >= ours->size()
               ? std::nullopt
               : std::optional((*ours)[arrived->values.size()].asked);
  };
  const std::string_view in = client.connection->link.in();
  while (arrived->parsed < in.size()) {
    const auto result = arrived->parser.Parse(in.substr(arrived->parsed));
    if (result.status == resp::ReplyParser::Status::kError) {
      verdict_->NoResp(client, next(), arrived->parser.error().message(),
                       in.substr(arrived->complete));
      return false;
    }
    arrived->parsed += result.consumed;
    if (result.status == resp::ReplyParser::Status::kNeedMore) break;
    arrived->complete = arrived->parsed;
    arrived->since = Clock::now();
    SentValue value;
    arrived->parser.Take(&value.reply);
    if (IsUnasked(client, value.reply.root())) {
      if (verdict_->UnaskedPush(client, resp::ToText(value.reply.root()))) return false;
      continue;
    }
    arrived->values.push_back(std::move(value));
  }
  if (!IsEndless(arrived->parsed - arrived->complete, arrived->since)) return true;
  verdict_->NoEnd(client, next(), in.substr(arrived->complete));
  return false;
}

// Usually the output is the core's, byte for byte. False if it differs, or none arrives.
bool ReplyReader::ReadEqual(OracleConnection& connection, size_t end) {
  const std::string_view expected = connection.expected;
  while (connection.owes() && connection.read < end) {
    const OracleConnection::Chunk& chunk = connection.chunks[connection.next];
    const std::string_view core = expected.substr(connection.read, chunk.end - connection.read);
    const std::string_view in = connection.link.in();
    if (std::memcmp(in.data(), core.data(), std::min(in.size(), core.size())) != 0) {
      if (!ReadAlike(connection, chunk, core)) return false;
    } else if (in.size() < core.size()) {
      if (connection.link.Read(kPatienceMs) != RespConnection::Got::kBytes) return false;
      continue;
    } else {
      connection.link.Take(core.size());
    }
    connection.after_error = last_was_error_ = core.starts_with('-');
    connection.read = chunk.end;
    connection.answered = true;
    ++connection.next;
    connection.unanswered = 0;
  }
  constexpr size_t kMostRead = 64 << 10;
  if (!connection.owes() || connection.read > kMostRead) connection.Forget();
  return true;
}

// Takes one reply that need not be identical: both servers have sent nothing else.
bool ReplyReader::ReadAlike(OracleConnection& connection, const OracleConnection::Chunk& chunk,
                            std::string_view core) {
  using Status = resp::ReplyParser::Status;
  const Asked& asked = log_->At(chunk.asked);
  if (!chunk.own || asked.command == nullptr) return false;
  for (resp::ReplyParser& parser : parsers_) parser.Reset();
  const auto ours = parsers_[0].Parse(core);
  if (ours.status != Status::kValue || ours.consumed != core.size()) return false;
  if (IsPush(parsers_[0].reply().root())) return false;
  auto theirs = parsers_[1].Parse(connection.link.in());
  size_t parsed = theirs.consumed;
  for (const auto since = Clock::now(); theirs.status == Status::kNeedMore;
       parsed += theirs.consumed) {
    if (IsEndless(parsed, since)) return false;
    if (connection.link.Read(kPatienceMs) != RespConnection::Got::kBytes) return false;
    theirs = parsers_[1].Parse(connection.link.in().substr(parsed));
  }
  if (theirs.status != Status::kValue || IsPush(parsers_[1].reply().root())) return false;
  Mismatch mismatch;
  if (!comparer_->Same(asked, parsers_[0].reply().root(), parsers_[1].reply().root(), &mismatch))
    return false;
  connection.link.Take(parsed);
  return true;
}

void ReplyReader::Read(OracleClient& client, size_t end) {
  if (!ReadNumber(client) || ReadEqual(*client.connection, end)) return;
  ReadByValue(client);
}

// Messages may arrive earlier or later than in the core's output.
void ReplyReader::ReadByValue(OracleClient& client) {
  std::vector<SentValue> ours;
  if (!ParseExpected(*client.connection, &ours)) return ReadOpaque(client);
  Arrived arrived;
  std::vector<SentValue>& theirs = arrived.values;
  bool closed = false;
  for (;;) {
    if (!Parse(client, &arrived, &ours)) return;
    if (theirs.size() >= ours.size()) break;
    const Wait wait = WaitFor(client);
    if (wait == Wait::kFailed) return;
    if (wait == Wait::kMore) continue;
    if (client.lossy || !core_->IsOpen(client.core_id)) {
      // Unsent output is lost when another client closes this one; and a transaction in which a
      // client closes itself breaks off.
      if (!client.lossy && wait == Wait::kClosed) break;
      ours.erase(ours.begin() + static_cast<ptrdiff_t>(theirs.size()), ours.end());
      break;
    }
    // The values that have arrived may already be wrong.
    const size_t asked = ours[theirs.size()].asked;
    const resp::Reply expected = std::move(ours[theirs.size()].reply);
    ours.erase(ours.begin() + static_cast<ptrdiff_t>(theirs.size()), ours.end());
    values_.Compare(ours, theirs);
    if (!verdict_->going()) return;
    if (wait == Wait::kClosed) {
      // A server that closes all connections is a different case.
      if (!fence_->Pass() || verdict_->Closed(asked, expected.root())) return;
      closed = true;
      break;
    }
    return verdict_->NoReply(asked, "no reply", expected.root(), "nothing");
  }
  if (theirs.size() > ours.size()) {
    const std::string seen = resp::ToText(theirs[ours.size()].reply.root());
    theirs.erase(theirs.begin() + static_cast<ptrdiff_t>(ours.size()), theirs.end());
    values_.Compare(ours, theirs);
    if (verdict_->going()) verdict_->DifferAtEnd(client, "a reply too many", "nothing more", seen);
    return;
  }
  if (!closed) values_.Compare(ours, theirs);
  last_was_error_ = !ours.empty() && ours.back().reply.root().is_error();
  client.connection->link.Take(arrived.complete);
  client.connection->Clear();
  client.connection->closed = closed;
  client.connection->after_error =
      closed || (!theirs.empty() && theirs.back().reply.root().is_error());
}

void ReplyReader::CheckNothingFollows(OracleClient& client, size_t asked) {
  if (client.connection == nullptr || !core_->IsOpen(client.core_id)) return;
  OracleConnection& connection = *client.connection;
  if (connection.link.in().empty()) {
    const RespConnection::Got got = connection.link.Read(kClosesMs);
    if (got == RespConnection::Got::kNothing) return;
    if (got == RespConnection::Got::kClosed) {
      if (fence_->Pass()) verdict_->ClosedAfter(asked, last_was_error_);
      return;
    }
  }
  // Messages may arrive before the core has sent them.
  const Client* const state = core_->FindClient(client.core_id);
  if (connection.owes() || state->subscription_count() > 0 || state->tracking) return;
  Arrived arrived;
  if (!Parse(client, &arrived)) return;
  std::string seen;
  if (arrived.values.empty() && arrived.parsed == arrived.complete && arrived.parsed > 0) {
    connection.link.Take(arrived.complete);  // pushes
    return;
  }
  if (arrived.values.empty()) {
    resp::AppendEscaped(&seen, connection.link.in());
  } else {
    seen = resp::ToText(arrived.values.front().reply.root());
  }
  verdict_->TooMany(asked, last_was_error_, std::move(seen));
}

void ReplyReader::CheckNothingHasFollowed(OracleClient& client) {
  RespConnection& link = client.connection->link;
  if (log_->empty() || (link.in().empty() && link.Read(0) != RespConnection::Got::kBytes)) return;
  CheckNothingFollows(client, log_->last());
}

bool ReplyReader::ReadClose(OracleClient& client) {
  if (client.stays_open) {
    if (client.connection->link.Close(verdict_->hang_ms())) return true;
    verdict_->ServerFailed();
    return false;
  }
  switch (WaitFor(client)) {
    case Wait::kFailed:
      return false;
    case Wait::kNever:
      verdict_->DifferAtEnd(client, "connection left open", "a closed connection", "an open one");
      return false;
    case Wait::kMore:
      verdict_->DifferAtEnd(client, "a reply too many", "a closed connection", "more bytes");
      return false;
    case Wait::kClosed:
      client.connection->link.Drop();
      return true;
  }
  return false;
}

}  // namespace resprobe::live
