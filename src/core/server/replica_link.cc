#include "core/server/replica_link.h"

#include <algorithm>
#include <charconv>

#include "core/keyspace/integers.h"
#include "core/persistence/rdb.h"
#include "core/resp/writer.h"
#include "core/server/server.h"

namespace resprobe {
namespace {

// The next word of a line.
std::string_view TakeWord(std::string_view* line) {
  const size_t space = std::min(line->find(' '), line->size());
  const std::string_view word = line->substr(0, space);
  line->remove_prefix(std::min(space + 1, line->size()));
  return word;
}

bool ParseSize(std::string_view text, uint64_t* value) {
  const char* const end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(text.data(), end, *value);
  return status == std::errc() && stop == end;
}

}  // namespace

void ReplicaLink::Reset() {
  if (state_ == State::kNone && due_ == 0 && heard_at_ == 0) return;  // it was never used
  state_ = State::kNone;
  host_.clear();
  port_ = 0;
  connection_ = 0;
  due_ = heard_at_ = alive_at_ = 0;
  line_.clear();
  RecycleString(keys_);
  running_.clear();
}

void ReplicaLink::Follow(std::string_view host, int port) {
  HangUp();
  host_.assign(host);
  port_ = port;
  server_.DropBlocked();
  server_.SetReplica(true);
  server_.source_.FollowStream();
  server_.UpdateRecording();
  Dial();
}

void ReplicaLink::Leave() {
  if (!follows()) return;
  HangUp();
  state_ = State::kNone;
  host_.clear();
  port_ = 0;
  server_.SetReplica(false);
  server_.source_.Branch(server_.host_->process_number());
  server_.DropReplicas();  // they learn the new id when they come back (replicationUnsetMaster)
  server_.persistence_.EndSync(
      server_.in_exec());  // in case that the last synchronization has failed
  server_.UpdateRecording();
}

std::string_view ReplicaLink::StateName() const {
  switch (state_) {
    case State::kNone:
      return "none";
    case State::kDown:
      return "connect";
    case State::kPing:
    case State::kConfigure:
    case State::kSynchronize:
      return "handshake";
    case State::kSize:
    case State::kKeys:
      return "sync";
    case State::kStream:
      return "connected";
  }
  return "";
}

// --- The connection.

void ReplicaLink::Dial() {
  connection_ = server_.Connect();
  Client& client = *server_.FindOpenClient(connection_);
  client.primary = true;
  line_.clear();
  keys_.clear();
  running_.clear();
  alive_at_ = server_.keyspace_.now_ms();
  state_ = State::kPing;
  if (!server_.host_->Dial(connection_, host_, port_)) return Fail();
  Say(client, {"PING"});
}

void ReplicaLink::HangUp() {
  Client* const client = server_.FindOpenClient(connection_);
  connection_ = 0;  // so that its end is no reason to dial again
  running_.clear();
  if (client != nullptr) server_.Disconnect(*client);
}

void ReplicaLink::Fail() {
  state_ = State::kDown;
  due_ = server_.keyspace_.now_ms() + kPeriodMs;
  HangUp();
}

void ReplicaLink::Ended(Client& client) {
  if (client.id != connection_) return;
  const bool answered = state_ > State::kPing;
  connection_ = 0;
  state_ = State::kDown;
  due_ = server_.keyspace_.now_ms() + kPeriodMs;
  if (answered) Dial();
}

void ReplicaLink::Tick() {
  const int64_t timeout = server_.config().replication.timeout_ms;
  if (timeout > 0 && state_ > State::kDown && server_.keyspace_.now_ms() - alive_at_ > timeout) {
    return Fail();
  }
  if (server_.keyspace_.now_ms() < due_) return;
  due_ = server_.keyspace_.now_ms() + kPeriodMs;
  if (state_ == State::kDown) {
    Dial();
  } else if (state_ == State::kStream) {
    Acknowledge();
  }
}

void ReplicaLink::Acknowledge() {
  Client* const client = server_.FindOpenClient(connection_);
  if (client == nullptr || !streams()) return;
  char digits[24];
  Say(*client,
      {"REPLCONF", "ACK", FormatInt64(static_cast<int64_t>(server_.source_.offset()), digits)});
}

void ReplicaLink::Say(Client& client, std::initializer_list<std::string_view> words) {
  resp::AppendRequest(&client.output, std::span(words.begin(), words.size()));
}

// --- What the primary sends.

void ReplicaLink::Receive(Client& client, std::string_view bytes) {
  if (client.id != connection_) return;
  heard_at_ = alive_at_ = server_.keyspace_.now_ms();
  while (!bytes.empty() && connection_ == client.id) {
    switch (state_) {
      case State::kStream:
        return Apply(client, bytes);
      case State::kKeys:
        TakeKeys(client, &bytes);
        break;
      default:
        if (TakeLine(&bytes)) HandleLine(client);
        break;
    }
  }
}

// Moves bytes into line_. True at the end of a line; empty lines, which keep a connection alive,
// are skipped.
bool ReplicaLink::TakeLine(std::string_view* bytes) {
  const size_t end = bytes->find('\n');
  line_.append(bytes->substr(0, end));
  bytes->remove_prefix(end == bytes->npos ? bytes->size() : end + 1);
  if (line_.size() > kLongestLine) {
    Fail();
    return false;
  }
  if (end == bytes->npos) return false;
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  return !line_.empty();
}

void ReplicaLink::HandleLine(Client& client) {
  std::string_view line = line_;
  switch (state_) {
    case State::kPing:
      if (!line.starts_with("+")) return Fail();
      Ask(client);
      state_ = State::kConfigure;
      break;
    case State::kConfigure:  // what the primary does not know does not matter
      state_ = State::kSynchronize;
      break;
    case State::kSynchronize: {
      const std::string_view answer = TakeWord(&line);
      if (answer == "+FULLRESYNC") {
        new_id_.assign(TakeWord(&line));
        if (new_id_.size() != ReplicationSource::kIdSize || !ParseSize(line, &begins_)) {
          return Fail();
        }
        state_ = State::kSize;
      } else if (answer == "+CONTINUE") {
        // Replicas learn a new id when they come back (slaveTryPartialResynchronization).
        if (server_.source_.Continue(TakeWord(&line))) server_.DropReplicas();
        client.parser.Reset();
        client.db = server_.source_.selected_db();
        state_ = State::kStream;
        due_ = server_.keyspace_.now_ms() + kPeriodMs;
      } else {
        return Fail();
      }
      break;
    }
    case State::kSize: {
      uint64_t size = 0;
      if (!line.starts_with("$") || !ParseSize(line.substr(1), &size)) return Fail();
      keys_size_ = size;
      state_ = State::kKeys;
      break;
    }
    case State::kNone:
    case State::kDown:
    case State::kKeys:
    case State::kStream:
      break;
  }
  line_.clear();
}

// In one flight; each reply is waited for.
void ReplicaLink::Ask(Client& client) {
  char port[24];
  Say(client, {"REPLCONF", "listening-port", FormatInt64(server_.host_->listening_port(), port),
               "capa", "psync2"});
  const ReplicationSource& source = server_.source_;
  if (source.started()) {
    char digits[24];
    Say(client,
        {"PSYNC", source.id(), FormatInt64(static_cast<int64_t>(source.offset() + 1), digits)});
  } else {
    Say(client, {"PSYNC", "?", "-1"});
  }
}

void ReplicaLink::TakeKeys(Client& client, std::string_view* bytes) {
  const size_t missing = std::min(keys_size_ - keys_.size(), bytes->size());
  keys_.append(bytes->substr(0, missing));
  bytes->remove_prefix(missing);
  if (keys_.size() < keys_size_) return;
  server_.DropReplicas();  // they follow another stream from here
  const RdbReadOptions options = {.profile = server_.config().profile, .keep_expired = true};
  RdbReport report;
  server_.persistence_.BeginSync();
  server_.UpdateRecording();
  if (!LoadRdb(keys_, options, &server_.keyspace_, &report).ok()) return Fail();
  RecycleString(keys_);
  server_.source_.Adopt(new_id_, begins_, report.stream_db);
  client.parser.Reset();
  client.db = report.stream_db;
  state_ = State::kStream;
  due_ = server_.keyspace_.now_ms() + kPeriodMs;
  server_.persistence_.EndSync(/*in_exec=*/false);
  server_.UpdateRecording();
}

void ReplicaLink::Apply(Client& client, std::string_view bytes) {
  while (!bytes.empty()) {
    const resp::RequestParser::Result result = client.parser.Parse(bytes);
    using Status = resp::RequestParser::Status;
    if (result.status == Status::kError) return Fail();
    const size_t consumed = result.status == Status::kNeedMore ? bytes.size() : result.consumed;
    running_.append(bytes.substr(0, consumed));
    bytes.remove_prefix(consumed);
    if (result.status == Status::kNeedMore) return;
    server_.Process(client, client.parser.args());
    if (client.id != connection_) return;
    if (client.blocked) {  // CLIENT PAUSE
      client.unread.assign(bytes);
      return;
    }
    Applied(client);
  }
}

// A command counts when it has run; one of a transaction, with EXEC (redis 7.0 networking.c
// commandProcessed).
void ReplicaLink::Applied(Client& client) {
  if (client.id != connection_ || client.blocked || client.multi) return;
  server_.source_.PassOn(running_, client.db);
  running_.clear();
}

}  // namespace resprobe
