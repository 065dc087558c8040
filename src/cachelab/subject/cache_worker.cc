#include "cachelab/subject/cache_worker.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>
#include <vector>

#include "cachelab/subject/worker_crash.h"
#include "core/resp/writer.h"
#include "core/table/command.h"
#include "core/table/letter_case.h"
#include "live/net/socket.h"

namespace resprobe::cachelab {
namespace {

using Status = WorkerAnswer::Status;
using Views = std::vector<std::string_view>;

// These change the connection that all requests of the worker share.
constexpr std::string_view kStateful[] = {
    "SELECT",       "HELLO",   "RESET",     "QUIT",       "MULTI",       "EXEC",
    "DISCARD",      "WATCH",   "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE",  "UNSUBSCRIBE",
    "PUNSUBSCRIBE", "MONITOR", "SYNC",      "PSYNC",      "SUNSUBSCRIBE"};
constexpr std::string_view kStatefulClient[] = {"REPLY", "TRACKING", "CACHING"};

bool IsStateful(std::span<const std::string_view> args) {
  const auto is_one_of = [](std::string_view word, std::span<const std::string_view> words) {
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view name) { return CommandContext::IsWord(word, name); });
  };
  if (args.empty()) return false;
  return is_one_of(args[0], kStateful) || (CommandContext::IsWord(args[0], "CLIENT") &&
                                           args.size() > 1 && is_one_of(args[1], kStatefulClient));
}

std::string_view TrackingOn(TrackingMode mode) {
  switch (mode) {
    case TrackingMode::kDefault:
      return "CLIENT TRACKING ON\r\n";
    case TrackingMode::kNoloop:
      return "CLIENT TRACKING ON NOLOOP\r\n";
    case TrackingMode::kOptin:
      return "CLIENT TRACKING ON OPTIN\r\n";
    case TrackingMode::kBcast:
      return "CLIENT TRACKING ON BCAST\r\n";
  }
  return {};
}

WorkerAnswer Lost(std::string why) {
  WorkerAnswer answer;
  answer.why = std::move(why);
  return answer;
}

// The name of an entry: the request, with the command's name in upper case.
std::string EntryName(std::span<const std::string_view> args, InjectedFault injected_fault) {
  const std::string name = UpperCase(args[0]);
  Views words(args.begin(), args.end());
  words[0] = name;
  if (injected_fault == InjectedFault::kShortName) words.resize(2);
  std::string text;
  resp::AppendRequest(&text, words);
  return text;
}

}  // namespace

CacheWorker::CacheWorker(SharedCache* cache, WorkerConfig config, live::UniqueFd control)
    : cache_(cache),
      config_(std::move(config)),
      control_(std::move(control)),
      tracked_(config_.connect, [this](const resp::ReplyView& push) { OnPush(push); }),
      plain_(config_.connect, [](const resp::ReplyView&) {}) {
  cache_->Attach(config_.index, config_.injected_fault, [this](Failpoint point) { Reach(point); });
  if (config_.writer != kNoWriter) cache_->Own(config_.writer);
  Publish();
}

void CacheWorker::Run() {
  for (;;) {
    Words request;
    while (NextRequest(&request)) Handle(request);
    pollfd polled[] = {{control_.get(), POLLIN, 0},
                       {tracked_.is_open() ? tracked_.fd() : -1, POLLIN, 0}};
    if (poll(polled, 2, -1) < 0 && errno != EINTR) return;
    if (polled[1].revents != 0) {
      if (!tracked_.TakePushes()) OnLoss();
      continue;  // while it was held there it may have read what poll() reported
    }
    if (polled[0].revents != 0 && !TakeControl()) return;
  }
}

// Blocks until data arrives on the control socket. False if it has ended.
bool CacheWorker::TakeControl() {
  char bytes[16 << 10];
  ssize_t size;
  do {
    size = recv(control_.get(), bytes, sizeof(bytes), 0);
  } while (size < 0 && errno == EINTR);
  if (size <= 0) return false;
  std::string_view rest(bytes, static_cast<size_t>(size));
  for (;;) {
    const resp::RequestParser::Result result = parser_.Parse(rest);
    if (result.status == resp::RequestParser::Status::kError) return false;
    rest.remove_prefix(result.consumed);
    if (result.status == resp::RequestParser::Status::kNeedMore) return true;
    requests_.emplace_back(parser_.args().begin(), parser_.args().end());
  }
}

bool CacheWorker::NextRequest(Words* request) {
  if (requests_.empty()) return false;
  *request = std::move(requests_.front());
  requests_.pop_front();
  return true;
}

void CacheWorker::Handle(const Words& request) {
  const std::string& verb = request[0];
  if (verb == "go") {  // for a failpoint that was not reached, and must not be reached later
    armed_ = Failpoint::kNone;
    return;
  }
  if (verb == "arm" && request.size() == 3) {
    armed_ = ParseFailpoint(request[1]).value_or(Failpoint::kNone);
    signal_ = std::atoi(request[2].c_str());
    WorkerAnswer armed;
    armed.status = Status::kReply;
    Answer(armed, "+OK\r\n");
    return;
  }
  const Views args(request.begin() + 1, request.end());
  std::string reply;
  std::string error;
  if (verb == "barrier") {
    Answer(Barrier(&reply), reply);
  } else if (args.empty() || IsStateful(args)) {
    WorkerAnswer refused;
    refused.status = Status::kError;
    resp::Writer(&reply).SimpleError("ERR a command that changes the connection which all share");
    Answer(refused, reply);
  } else if (verb == "cached") {
    Answer(Cached(args, &reply), reply);
  } else if (!OpenPlain(&error)) {
    Answer(Lost(error), reply);
  } else {
    Answer(Ask(plain_, args, &reply), reply);
  }
}

void CacheWorker::Answer(const WorkerAnswer& answer, std::string_view reply) {
  std::string out;
  AppendAnswer(&out, answer, reply);
  live::SendAll(control_.get(), out);
}

WorkerAnswer CacheWorker::Cached(std::span<const std::string_view> args, std::string* reply) {
  if (!IsCacheable(args)) return Write(args, reply);
  WorkerAnswer answer = Read(args, reply);
  // The connection had died while idle: retry over a new one, which tracks before it reads.
  if (answer.status == Status::kLost) answer = Read(args, reply);
  return answer;
}

WorkerAnswer CacheWorker::Read(std::span<const std::string_view> args, std::string* reply) {
  std::string error;
  live::Resp3Client* const link = Link(&error);
  const std::string_view key = args[1];
  const std::string name = EntryName(args, config_.injected_fault);
  // Entries of other writers are valid while this worker has no connection.
  const int writer = link == &tracked_ ? config_.writer : kNoWriter;
  const SharedCache::Found found = cache_->Find(key, name, writer, reply);
  WorkerAnswer answer;
  if (found.hit) {
    answer.status = Status::kReply;
    answer.hit = true;
    answer.torn = found.torn;
    answer.grant = found.grant;
    answer.client_id = found.grant.client_id;
    return answer;
  }
  if (link == nullptr) return Lost(error);
  answer = Ask(*link, args, reply);
  if (answer.status != Status::kReply) {
    cache_->Abandon(found.ticket);
    return answer;
  }
  Reach(Failpoint::kBeforePut);
  if (found.ticket.request != 0) {
    answer.stored = cache_->Put(found.ticket, key, name, writer, *reply)
                        ? WorkerAnswer::Stored::kStored
                        : WorkerAnswer::Stored::kRefused;
  }
  return answer;
}

// Drop the entries before the write and again after it: a read that another worker sent in between
// may return the old value.
WorkerAnswer CacheWorker::Write(std::span<const std::string_view> args, std::string* reply) {
  std::string error;
  live::Resp3Client* const link = Link(&error);
  if (link == nullptr) return Lost(error);
  Views keys;
  const bool known = KeysChanged(args, &keys);
  DropOwn(!known, keys);
  WorkerAnswer answer = Ask(*link, args, reply);
  DropOwn(!known, keys);
  if (config_.injected_fault == InjectedFault::kCrashOnWrite) {
    *reinterpret_cast<volatile char*>(uintptr_t{16}) = 0;  // NOLINT(performance-no-int-to-ptr)
  }
  return answer;
}

void CacheWorker::DropOwn(bool all, std::span<const std::string_view> keys) {
  if (config_.injected_fault == InjectedFault::kKeepOwnWrites) return;
  if (all) {
    cache_->DropAll();
  } else if (!keys.empty()) {
    cache_->Drop(keys);
  }
}

WorkerAnswer CacheWorker::Ask(live::Resp3Client& link, std::span<const std::string_view> args,
                              std::string* reply) {
  WorkerAnswer answer;
  answer.client_id = link.client_id();
  std::string request;
  size_t replies = 1;
  if (&link == &tracked_ && config_.tracking == TrackingMode::kOptin && IsCacheable(args)) {
    request = "CLIENT CACHING YES\r\n";
    replies = 2;
  }
  resp::AppendRequest(&request, args);
  bool there = link.Send(request);
  if (there) {
    Reach(Failpoint::kBeforeReply);
    there = link.Await(replies);
  }
  if (!there) {
    answer.why = "the connection was lost";
    if (&link == &tracked_) OnLoss();
    Publish();
    return answer;
  }
  const resp::ReplyView view = link.replies().back().root();
  reply->clear();
  resp::AppendReply(reply, view);
  answer.status = view.is_error() ? Status::kError : Status::kReply;
  return answer;
}

WorkerAnswer CacheWorker::Barrier(std::string* reply) {
  WorkerAnswer answer;
  answer.status = Status::kReply;
  resp::Writer(reply).SimpleString("PONG");
  if (!tracked_.is_open()) return answer;
  answer.client_id = tracked_.client_id();
  if (tracked_.Send("PING\r\n") && tracked_.Await(1)) return answer;
  OnLoss();
  answer.status = Status::kLost;
  answer.why = "the connection was lost";
  return answer;
}

// The connection that this worker reads over; nullptr if it cannot be opened.
live::Resp3Client* CacheWorker::Link(std::string* error) {
  if (config_.writer == kNoWriter) return OpenPlain(error) ? &plain_ : nullptr;
  if (tracked_.is_open()) return &tracked_;
  if (!tracked_.Open(TrackingOn(config_.tracking), 1, error)) return nullptr;
  cache_->SetClient(config_.writer, tracked_.client_id());
  Publish();
  return &tracked_;
}

bool CacheWorker::OpenPlain(std::string* error) {
  if (plain_.is_open()) return true;
  const bool opened = plain_.Open("", 0, error);
  Publish();
  return opened;
}

void CacheWorker::OnPush(const resp::ReplyView& push) {
  if (push.size() != 2 || push[0].text() != "invalidate") return;
  Reach(Failpoint::kBeforeDrop);
  if (push[1].is_null()) {
    // The push names no database, so any may have been flushed.
    if (config_.injected_fault != InjectedFault::kIgnoreNullPush) cache_->DropAll();
    return;
  }
  Views keys;
  for (const resp::ReplyView key : push[1]) keys.push_back(key.text());
  cache_->Drop(keys);
}

// The tracked connection is lost, and with it its invalidations.
void CacheWorker::OnLoss() {
  tracked_.Close();
  if (config_.injected_fault != InjectedFault::kKeepOnLoss) cache_->Revoke(config_.writer);
  Publish();
}

void CacheWorker::Publish() {
  cache_->SetWorker(config_.index, {getpid(), tracked_.client_id(), plain_.client_id()});
}

void CacheWorker::Say(std::string_view word) {
  std::string push;
  resp::Writer writer(&push, 3);
  writer.PushHeader(1);
  writer.BulkString(word);
  live::SendAll(control_.get(), push);
}

void CacheWorker::Reach(Failpoint point) {
  if (point != armed_) return;
  armed_ = Failpoint::kNone;
  if (signal_ != 0) {
    // Notify the driver, so that it can distinguish this death from a crash.
    Say("raise");
    RaiseOrdered(signal_);
    return;
  }
  if (IsUnderLock(point)) return;
  Say("held");
  for (;;) {
    for (auto request = requests_.begin(); request != requests_.end(); ++request) {
      if (request->front() != "go") continue;
      requests_.erase(request);
      return;
    }
    if (!TakeControl()) _exit(0);
  }
}

}  // namespace resprobe::cachelab
