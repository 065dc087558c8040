#include "cachelab/hunt/pool_target.h"

#include <chrono>
#include <utility>

#include "core/resp/writer.h"

namespace resprobe::cachelab {
namespace {

// A server closes the connections of a process that has ended within this time.
constexpr std::chrono::seconds kClosedWithin(10);

}  // namespace

PoolTarget::PoolTarget(const PoolOptions& options)
    : hang_seconds_(options.hang_seconds), direct_(options.connect, [](const resp::ReplyView&) {}) {
  direct_.LimitWaiting(hang_seconds_ * 1000, options.stop);
}

std::unique_ptr<PoolTarget> PoolTarget::Open(PoolOptions options, std::string* error) {
  std::unique_ptr<PoolTarget> target(new PoolTarget(options));
  // Start the workers first, so that they do not inherit descriptors that are opened later.
  target->pool_ = WorkerPool::Start(std::move(options), error);
  if (target->pool_ == nullptr || !target->direct_.Open("", 0, error)) return nullptr;
  return target;
}

uint64_t PoolTarget::Start(int worker, const Words& words, bool unordered) {
  const uint64_t ticket = pool_->Cached(worker, words);
  if (unordered) unordered_[ticket] = true;
  return ticket;
}

TargetAnswer PoolTarget::Finish(uint64_t ticket) {
  const WorkerAnswer got = pool_->Wait(ticket);
  const bool unordered = unordered_.erase(ticket) > 0;
  TargetAnswer answer;
  answer.hit_known = true;
  answer.hit = got.hit;
  answer.torn = got.torn;
  answer.refused = got.stored == WorkerAnswer::Stored::kRefused;
  answer.client_id = got.client_id;
  answer.pid = got.grant.pid;
  if (got.status == WorkerAnswer::Status::kLost) {
    answer.text = got.why;
    return answer;
  }
  answer.status = got.ok() ? TargetAnswer::Status::kReply : TargetAnswer::Status::kError;
  answer.text = Canonical(got.reply.root(), unordered);
  return answer;
}

bool PoolTarget::Direct(std::span<const DirectRequest> requests, std::vector<std::string>* texts) {
  std::string bytes;
  for (const DirectRequest& request : requests) {
    const std::vector<std::string_view> words(request.words.begin(), request.words.end());
    resp::AppendRequest(&bytes, words);
  }
  texts->clear();
  if (!direct_.Send(bytes) || !direct_.Await(requests.size())) {
    if (failure_.empty()) {
      failure_ = direct_.silent() ? "the server does not answer: it says nothing for " +
                                        std::to_string(hang_seconds_) + " s"
                                  : "the server has closed the driver's connection";
    }
    return false;
  }
  for (size_t i = 0; i < requests.size(); ++i) {
    texts->push_back(Canonical(direct_.replies()[i].root(), requests[i].unordered));
  }
  return true;
}

bool PoolTarget::WorkerHangs() {
  // Any other text says that no worker could be started.
  if (!failure_.empty() || !pool_->hung().starts_with("worker ")) return false;
  const DirectRequest ping = {{"PING"}};
  std::vector<std::string> texts;
  return Direct({&ping, 1}, &texts);
}

bool PoolTarget::KillClient(int worker) {
  const int64_t id = pool_->cache().Worker(worker).tracked_id;
  if (id == 0) return false;
  std::vector<std::string> texts;
  const DirectRequest kill = {{"CLIENT", "KILL", "ID", std::to_string(id)}};
  return Direct({&kill, 1}, &texts) && texts[0] == "(integer) 1";
}

bool PoolTarget::KillWorker(int worker, int signal) {
  const uint64_t before = deaths() + stops();
  pool_->Signal(worker, signal);
  return deaths() + stops() != before;
}

bool PoolTarget::Settle() {
  pool_->Resume();
  const auto give_up = std::chrono::steady_clock::now() + kClosedWithin;
  for (const int64_t id : pool_->TakeOrphans()) {
    const DirectRequest list = {{"CLIENT", "LIST", "ID", std::to_string(id)}};
    std::vector<std::string> texts;
    do {
      if (!Direct({&list, 1}, &texts)) return false;
      if (std::chrono::steady_clock::now() > give_up) {
        failure_ = "the server keeps the connection " + std::to_string(id) + " of a dead worker";
        return false;
      }
    } while (texts[0].find("id=") != std::string::npos);
  }
  return true;
}

bool PoolTarget::Reset() {
  const DirectRequest flush = {{"FLUSHALL"}};
  std::vector<std::string> texts;
  if (!Settle() || !Direct({&flush, 1}, &texts) || !Barrier()) return false;
  pool_->cache().DropAll();
  return true;
}

}  // namespace resprobe::cachelab
