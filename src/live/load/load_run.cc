#include "live/load/load_run.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <deque>
#include <memory>
#include <utility>

#include "core/resp/reply_parser.h"
#include "core/resp/writer.h"
#include "engine/rng.h"
#include "live/net/socket.h"
#include "live/server/system_error.h"

namespace resprobe::live {
namespace {

using LoadClock = std::chrono::steady_clock;

constexpr int kLoadPollMs = 100;
constexpr int64_t kNs = 1'000'000'000;

std::vector<std::string_view> WordsOfTest(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::string_view word = line.substr(0, line.find(' '));
    words.push_back(word);
    line.remove_prefix(std::min(line.size(), word.size() + 1));
  }
  return words;
}

// A request that waits for its reply.
struct PendingRequest {
  int64_t intended;  // ns
  size_t request;    // of the test's
  uint64_t key;      // the last one that it names
};

struct LoadConnection {
  UniqueFd fd;
  resp::ReplyParser parser;
  std::string out;  // not sent yet
  std::deque<PendingRequest> pending;
  bool watches_writes = false;
};

class LoadRunner {
 public:
  LoadRunner(const LoadOptions& options, const LoadTest& test, LoadResult* result)
      : options_(options),
        result_(*result),
        test_(test),
        value_(options.value_size, 'x'),
        rng_(options.seed),
        total_(options.warm_up + options.operations) {
    for (const LoadRequest& request : test.requests) words_.push_back(WordsOfTest(request.words));
  }

  bool Open(const std::function<UniqueFd(std::string* error)>& connect, std::string* error);
  void Run();

 private:
  int64_t Now() const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(LoadClock::now() - start_).count();
  }
  // With a rate: when that request is due, ns.
  int64_t DueOf(uint64_t request) const {
    return static_cast<int64_t>(static_cast<double>(request) / options_.rate * kNs);
  }
  void AppendRequest(size_t request, uint64_t* key, std::string* out);
  std::string KeyOf(uint64_t number) const;
  // The value that only this key has.
  std::string OwnValueOf(uint64_t number) const;
  void Check(const resp::ReplyView& reply, const PendingRequest& request);
  // Sends the next requests that are due on an idle connection.
  void Feed(LoadConnection& connection, int64_t now);
  void FeedIdle(int64_t now);
  void Flush(LoadConnection& connection);
  void Receive(LoadConnection& connection);
  void Take(const resp::Reply& reply, const PendingRequest& request, int64_t now);
  void Lose(LoadConnection& connection);
  // Nothing more arrives on the connection.
  void GiveUp(LoadConnection& connection, int64_t now);
  void CountUnanswered(int64_t intended, int64_t now);
  int WaitMs(int64_t now) const;
  LoadResult::Interval& IntervalAt(int64_t now);

  const LoadOptions& options_;
  LoadResult& result_;
  const LoadTest& test_;
  std::vector<std::vector<std::string_view>> words_;  // by request
  const std::string value_;
  Rng rng_;
  uint64_t total_;  // operations, with those of the warm-up
  LoadClock::time_point start_;
  UniqueFd epoll_;
  std::vector<std::unique_ptr<LoadConnection>> connections_;
  std::vector<size_t> idle_;
  uint64_t sent_ = 0;
  uint64_t answered_ = 0;
  int64_t measured_from_ = -1;  // ns; the warm-up is over
  int64_t last_ = 0;            // the last reply
  int64_t heard_ = 0;
  char buffer_[64 << 10];
};

bool LoadRunner::Open(const std::function<UniqueFd(std::string* error)>& connect,
                      std::string* error) {
  epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) {
    *error = SystemError("cannot wait for connections");
    return false;
  }
  for (uint32_t i = 0; i < options_.connections; ++i) {
    auto connection = std::make_unique<LoadConnection>();
    connection->fd = connect(error);
    if (!connection->fd.valid()) return false;
    SetNonBlocking(connection->fd.get());
    epoll_event event = {.events = EPOLLIN, .data = {.u64 = i}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection->fd.get(), &event) != 0) {
      *error = SystemError("cannot wait for a connection");
      return false;
    }
    connections_.push_back(std::move(connection));
    idle_.push_back(i);
  }
  return true;
}

std::string LoadRunner::KeyOf(uint64_t number) const {
  std::string text = std::to_string(number);
  text.insert(0, text.size() < 12 ? 12 - text.size() : 0, '0');
  return "key:" + text;
}

std::string LoadRunner::OwnValueOf(uint64_t number) const {
  const std::string key = KeyOf(number);
  std::string value;
  while (value.size() < options_.value_size) value += key + ";";
  value.resize(options_.value_size);
  return value;
}

void LoadRunner::Check(const resp::ReplyView& reply, const PendingRequest& request) {
  const bool text = reply.type() == resp::Type::kBulkString;
  std::string what;
  switch (test_.requests[request.request].reply) {
    case LoadReply::kAny:
      return;
    case LoadReply::kOk:
      if (reply.text() != "OK") what = "not OK";
      break;
    case LoadReply::kInteger:
      if (reply.type() != resp::Type::kInteger) what = "no integer";
      break;
    case LoadReply::kText:
      if (!text && !reply.is_null()) what = "no string";
      break;
    case LoadReply::kOwnValue:
      if (text && reply.text() != OwnValueOf(request.key)) what = "not what this key has";
      if (!text && !reply.is_null()) what = "no string";
      break;
  }
  if (what.empty()) return;
  ++result_.wrong[std::string(words_[request.request].front()) + ": " + what];
}

void LoadRunner::AppendRequest(size_t request, uint64_t* key, std::string* out) {
  const std::vector<std::string_view>& words = words_[request];
  constexpr uint64_t kFields = 16;
  resp::Writer writer(out);
  writer.ArrayHeader(words.size());
  for (const std::string_view word : words) {
    if (word == "$k") {
      const bool hot = options_.hot_per_cent > 0 && rng_.Below(100) < options_.hot_per_cent;
      constexpr uint64_t kHotShare = 100;
      const uint64_t among = hot ? std::max<uint64_t>(options_.keys / kHotShare, 1) : options_.keys;
      *key = rng_.Below(among);
      writer.BulkString(KeyOf(*key));
    } else if (word == "$s") {
      *key = sent_ % options_.keys;
      writer.BulkString(KeyOf(*key));
    } else if (word == "$w") {
      writer.BulkString(OwnValueOf(*key));
    } else if (word == "$f") {
      writer.BulkString("field:" + std::to_string(rng_.Below(kFields)));
    } else if (word == "$v") {
      writer.BulkString(value_);
    } else if (word == "$n") {
      writer.BulkString(std::to_string(rng_.Below(options_.keys)));
    } else if (word == "$c") {
      writer.BulkString("counter:" + std::to_string(rng_.Below(options_.keys)));
    } else if (word == "$m") {
      writer.BulkString("element:" + std::to_string(rng_.Below(options_.keys)));
    } else {
      writer.BulkString(word);
    }
  }
}

void LoadRunner::Feed(LoadConnection& connection, int64_t now) {
  for (uint32_t i = 0; i < options_.pipeline && sent_ < total_; ++i) {
    int64_t intended = now;
    if (options_.rate > 0) {
      intended = DueOf(sent_);
      if (intended > now) break;
    }
    const size_t request = sent_ % words_.size();
    uint64_t key = 0;
    AppendRequest(request, &key, &connection.out);
    ++sent_;
    connection.pending.push_back({intended, request, key});
  }
  Flush(connection);
}

void LoadRunner::FeedIdle(int64_t now) {
  while (!idle_.empty() && sent_ < total_) {
    LoadConnection& connection = *connections_[idle_.back()];
    Feed(connection, now);
    if (connection.pending.empty()) return;  // nothing is due
    idle_.pop_back();
  }
}

void LoadRunner::Flush(LoadConnection& connection) {
  while (!connection.out.empty()) {
    const ssize_t sent =
        send(connection.fd.get(), connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      connection.out.erase(0, static_cast<size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    break;  // an error shows when it is read
  }
  const bool wants = !connection.out.empty() && (errno == EAGAIN || errno == EWOULDBLOCK);
  if (wants == connection.watches_writes) return;
  connection.watches_writes = wants;
  for (size_t i = 0; i < connections_.size(); ++i) {
    if (connections_[i].get() != &connection) continue;
    epoll_event event = {.events = static_cast<uint32_t>(EPOLLIN | (wants ? EPOLLOUT : 0)),
                         .data = {.u64 = i}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
  }
}

LoadResult::Interval& LoadRunner::IntervalAt(int64_t now) {
  const double seconds = static_cast<double>(now - measured_from_) / kNs;
  const auto at = static_cast<size_t>(std::max(seconds, 0.0) / options_.interval);
  while (result_.series.size() <= at) {
    LoadResult::Interval& interval = result_.series.emplace_back();
    interval.start = static_cast<double>(result_.series.size() - 1) * options_.interval;
    interval.length = options_.interval;
  }
  return result_.series[at];
}

void LoadRunner::Take(const resp::Reply& reply, const PendingRequest& request, int64_t now) {
  if (++answered_ <= options_.warm_up) {
    if (answered_ == options_.warm_up) measured_from_ = now;
    return;
  }
  if (measured_from_ < 0) measured_from_ = 0;
  LoadResult::Interval& interval = IntervalAt(now);
  ++result_.operations;
  ++interval.operations;
  result_.latency.Record(now - request.intended);
  interval.latency.Record(now - request.intended);
  last_ = now;
  const resp::ReplyView root = reply.root();
  if (!root.is_error()) return Check(root, request);
  ++interval.errors;
  ++result_.errors[std::string(root.text().substr(0, root.text().find(' ')))];
}

void LoadRunner::CountUnanswered(int64_t intended, int64_t now) {
  ++result_.unanswered;
  if (measured_from_ < 0) return;  // the warm-up
  result_.latency.Record(now - intended);
  IntervalAt(now).latency.Record(now - intended);
  last_ = now;
}

void LoadRunner::GiveUp(LoadConnection& connection, int64_t now) {
  for (const PendingRequest& one : connection.pending) CountUnanswered(one.intended, now);
  connection.pending.clear();
}

void LoadRunner::Lose(LoadConnection& connection) {
  ++result_.lost;
  connection.fd.Reset();
  GiveUp(connection, Now());
  connection.out.clear();
  if (result_.failure.empty()) result_.failure = "the server closes connections";
}

void LoadRunner::Receive(LoadConnection& connection) {
  const ssize_t got = recv(connection.fd.get(), buffer_, sizeof(buffer_), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (got <= 0) return Lose(connection);
  const int64_t now = Now();
  heard_ = now;
  std::string_view bytes(buffer_, static_cast<size_t>(got));
  while (!bytes.empty()) {
    const resp::ReplyParser::Result parsed = connection.parser.Parse(bytes);
    if (parsed.status == resp::ReplyParser::Status::kError || connection.pending.empty()) {
      result_.failure = "the server sends what is no reply";
      return;
    }
    bytes.remove_prefix(parsed.consumed);
    if (parsed.status == resp::ReplyParser::Status::kNeedMore) break;
    Take(connection.parser.reply(), connection.pending.front(), now);
    connection.pending.pop_front();
  }
}

int LoadRunner::WaitMs(int64_t now) const {
  if (options_.rate <= 0 || idle_.empty() || sent_ == total_) return kLoadPollMs;
  const double due = static_cast<double>(sent_) / options_.rate * kNs;
  const double ms = (due - static_cast<double>(now)) / 1e6;
  return static_cast<int>(std::clamp(ms, 0.0, static_cast<double>(kLoadPollMs)));
}

void LoadRunner::Run() {
  start_ = LoadClock::now();
  if (options_.warm_up == 0) measured_from_ = 0;
  FeedIdle(0);
  epoll_event events[256];
  while (answered_ < total_ && result_.failure.empty()) {
    if (options_.stop()) {
      result_.stopped = true;
      break;
    }
    if (options_.enough()) {
      total_ = sent_;
      if (answered_ == total_) break;
    }
    const int ready = epoll_wait(epoll_.get(), events, 256, WaitMs(Now()));
    for (int i = 0; i < ready && result_.failure.empty(); ++i) {
      const size_t at = events[i].data.u64;
      LoadConnection& connection = *connections_[at];
      if ((events[i].events & EPOLLOUT) != 0) Flush(connection);
      if ((events[i].events & ~static_cast<uint32_t>(EPOLLOUT)) == 0) continue;
      const bool waited = !connection.pending.empty();
      Receive(connection);
      if (!waited || !connection.pending.empty() || !result_.failure.empty()) continue;
      Feed(connection, Now());
      if (connection.pending.empty()) idle_.push_back(at);
    }
    const int64_t now = Now();
    FeedIdle(now);
    const bool waits = answered_ < sent_;
    if (ready <= 0 && waits && now - heard_ > int64_t{options_.hang_ms} * 1'000'000) {
      result_.failure =
          "the server sends nothing for " + std::to_string(options_.hang_ms / 1000) + " s";
    }
    if (!waits) heard_ = now;
  }
  const int64_t end = Now();
  for (const auto& connection : connections_) GiveUp(*connection, end);
  for (; options_.rate > 0 && sent_ < total_; ++sent_) {
    const int64_t due = DueOf(sent_);
    if (due > end) break;
    CountUnanswered(due, end);
  }
  result_.seconds = static_cast<double>(last_ - std::max<int64_t>(measured_from_, 0)) / kNs;
  if (!result_.series.empty()) {
    LoadResult::Interval& last = result_.series.back();
    last.length = std::max(result_.seconds - last.start, 1e-9);
  }
}

}  // namespace

const std::vector<LoadTest>& LoadTests() {
  static const auto* const tests = new std::vector<LoadTest>{
      {"ping", "PING_MBULK", {{"PING"}}},
      {"set", "SET", {{"SET $k $v"}}},
      {"get", "GET", {{"GET $k"}}},
      {"incr", "INCR", {{"INCR $c"}}},
      {"lpush", "LPUSH", {{"LPUSH mylist $v"}}},
      {"rpush", "RPUSH", {{"RPUSH mylist $v"}}},
      {"lpop", "LPOP", {{"LPOP mylist"}}},
      {"rpop", "RPOP", {{"RPOP mylist"}}},
      {"sadd", "SADD", {{"SADD myset $m"}}},
      {"hset", "HSET", {{"HSET myhash $m $v"}}},
      {"spop", "SPOP", {{"SPOP myset"}}},
      {"zadd", "ZADD", {{"ZADD myzset $n $m"}}},
      {"zpopmin", "ZPOPMIN", {{"ZPOPMIN myzset"}}},
      {"mset",
       "MSET (10 keys)",
       {{"MSET $k $v $k $v $k $v $k $v $k $v $k $v $k $v $k $v $k $v $k $v"}}},
  };
  return *tests;
}

const LoadTest& MixedLoad() {
  using enum LoadReply;
  static const auto* const test = new LoadTest{"mixed",
                                               "MIXED",
                                               {{"SET $k $w", kOk},
                                                {"GET $k", kOwnValue},
                                                {"GET $k", kOwnValue},
                                                {"INCR counter", kInteger},
                                                {"LPUSH mylist $v", kInteger},
                                                {"RPOP mylist", kText},
                                                {"HSET myhash $f $v", kInteger},
                                                {"HGET myhash $f", kText},
                                                {"SADD myset $f", kInteger},
                                                {"SREM myset $f", kInteger},
                                                {"ZADD myzset $n $f", kInteger},
                                                {"SET temporary $v", kOk},
                                                {"DEL temporary", kInteger}}};
  return *test;
}

const LoadTest& FillLoad() {
  static const auto* const test = new LoadTest{"fill", "FILL", {{"SET $s $w", LoadReply::kOk}}};
  return *test;
}

bool RunLoad(const LoadOptions& options, const std::function<UniqueFd(std::string* error)>& connect,
             LoadResult* result, std::string* error) {
  const auto test = std::ranges::find(LoadTests(), options.test, &LoadTest::name);
  if (test == LoadTests().end()) {
    *error = "there is no test '" + options.test + "'";
    return false;
  }
  return RunLoad(options, *test, connect, result, error);
}

bool RunLoad(const LoadOptions& options, const LoadTest& test,
             const std::function<UniqueFd(std::string* error)>& connect, LoadResult* result,
             std::string* error) {
  *result = {};
  LoadRunner runner(options, test, result);
  if (!runner.Open(connect, error)) return false;
  runner.Run();
  return true;
}

}  // namespace resprobe::live
