#include "live/durability/durable_server.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/resp/writer.h"

namespace resprobe::live {
namespace {

namespace fs = std::filesystem;
using sandbox::Sandbox;
using sandbox::SandboxClient;

}  // namespace

std::unique_ptr<Sandbox> PreparedServers::Take(const std::vector<std::string>& settings,
                                               std::string* folder, std::string* error) {
  if (!folder_.made() && !folder_.Make(error)) return nullptr;
  auto found = kept_.find(settings);
  if (found == kept_.end()) {
    std::unique_ptr<Sandbox> made = Sandbox::Make({.call_ns = 1, .cpu = options_.cpu}, error);
    if (made == nullptr) return nullptr;
    sandbox::SandboxNodeOptions node;
    node.program = options_.program;
    node.directory = folder_.MakeNext() + "/n";
    std::error_code ignored;
    fs::create_directory(node.directory, ignored);
    // The last one of a setting counts: what a run needs comes after what the user wants.
    node.arguments = options_.arguments;
    const std::vector<std::string> needed = {"--port",
                                             "6379",
                                             "--bind",
                                             "0.0.0.0",
                                             "--protected-mode",
                                             "no",
                                             "--hz",
                                             "10",
                                             "--daemonize",
                                             "no",
                                             "--dir",
                                             "./",
                                             "--proto-max-bulk-len",
                                             std::to_string(kDurableMaxBulk),
                                             "--maxmemory",
                                             "0",
                                             "--aof-load-truncated",
                                             "yes"};
    node.arguments.insert(node.arguments.end(), needed.begin(), needed.end());
    node.arguments.insert(node.arguments.end(), settings.begin(), settings.end());
    // A child's work takes a while, during which commands are served.
    node.child_us = 20'000;
    node.ignores_fsync = options_.ignores_fsync;
    if (!made->AddNode(node).Prepare(error)) return nullptr;
    if (!made->node(0).prepared()) {
      *error = "'" + options_.program + "' does not look at any file when it starts";
      return nullptr;
    }
    if (kept_.size() == kMostKept) kept_.erase(kept_.begin());
    found = kept_.emplace(settings, std::move(made)).first;
  }
  *folder = folder_.MakeNext();
  return found->second->Copy(*folder, error);
}

// --- One life.

void DurableServer::End() {
  for (std::unique_ptr<SandboxClient>& client : clients_) client.reset();
  sandbox_.reset();
  prepared_->Delete(&folder_);
}

SandboxRole DurableServer::caller() const { return node().caller(); }

void DurableServer::Connect() {
  for (std::unique_ptr<SandboxClient>& client : clients_) {
    client = std::make_unique<SandboxClient>(sandbox_.get(), 0);
  }
}

bool DurableServer::Start(const std::vector<std::string>& settings, const Disk& disk, int64_t at_us,
                          DiskChoices* choices, DiskObserver* observer) {
  std::string folder;
  std::unique_ptr<Sandbox> next = prepared_->Take(settings, &folder, &why_);
  if (next == nullptr) {
    unsupported_ = true;
    return false;
  }
  Disk& own = next->node(0).disk();
  own.CopyFrom(disk);
  own.set_choices(choices);
  own.set_observer(observer);
  next->SkipTo(at_us);
  End();  // `disk` may be of the life before
  sandbox_ = std::move(next);
  folder_ = std::move(folder);
  Connect();
  if (!node().Start(&why_)) {
    unsupported_ = sandbox_->failed();
    if (!unsupported_) why_ = node().LastLine();
    return false;
  }
  // It serves connections already while it loads.
  while (!frozen()) {
    const std::optional<std::string> reply = Ask({"PING"});
    if (!reply) return frozen();
    if (reply->starts_with("-LOADING")) continue;
    if (reply == "PONG") break;
    why_ = "it answers PING with " + *reply;
    unsupported_ = true;
    return false;
  }
  return true;
}

std::optional<std::string> DurableServer::Ask(size_t client,
                                              std::span<const std::string_view> words,
                                              int64_t within_ms) {
  request_.clear();
  resp::AppendRequest(&request_, words);
  std::string text;
  if (clients_[client]->Send(request_, 1, within_ms * kMsUs, [&](const resp::ReplyView& reply) {
        text = SandboxClient::TextOf(reply);
      }) == 1) {
    return text;
  }
  if (!node().up()) why_ = node().LastLine();
  if (sandbox_->failed()) {
    why_ = sandbox_->error();
    unsupported_ = true;
  }
  return std::nullopt;
}

bool DurableServer::Pass(int64_t us) {
  const int64_t until = sandbox_->now_us() + us;
  for (;;) {
    const Sandbox::Stop stop = sandbox_->RunUntil(until);
    if (stop == Sandbox::Stop::kTime) return up();
    if (stop == Sandbox::Stop::kArrival) continue;
    if (stop == Sandbox::Stop::kFailed) unsupported_ = true;
    why_ = stop == Sandbox::Stop::kFailed ? sandbox_->error() : node().LastLine();
    return false;
  }
}

bool DurableServer::SendAndCut(size_t client, std::span<const std::string_view> words,
                               uint8_t share, bool in_reply) {
  request_.clear();
  resp::AppendRequest(&request_, words);
  std::string_view sent = request_;
  if (share < UINT8_MAX && !prepared_->options().runs_cut_requests) {
    sent = sent.substr(0, sent.size() * share / UINT8_MAX);
  }
  const bool begun = clients_[client]->SendAndCut(sent, in_reply ? kPatienceMs * kMsUs : 0);
  // It is served, and so is the end of the connection.
  constexpr int64_t kServedUs = 100;
  Pass(kServedUs);
  return begun;
}

bool DurableServer::Update(std::string_view section) {
  const std::optional<std::string> reply = Ask({"INFO", section});
  info_ = reply.value_or("");
  return reply.has_value();
}

std::string_view DurableServer::Info(std::string_view field) const {
  const std::string_view text = info_;
  for (size_t at = text.find(field); at != text.npos; at = text.find(field, at + 1)) {
    const size_t colon = at + field.size();
    if ((at != 0 && text[at - 1] != '\n') || colon >= text.size() || text[colon] != ':') continue;
    return text.substr(colon + 1, text.find('\r', colon) - colon - 1);
  }
  return "";
}

bool DurableServer::Read(std::vector<DumpedKey>* keys) {
  keys->clear();
  const auto append = [this](std::initializer_list<std::string_view> words) {
    resp::AppendRequest(&request_, std::span(words.begin(), words.size()));
  };
  SandboxClient& client = *clients_[kClients];
  request_.clear();
  for (int db = 0; db < kDatabases; ++db) {
    append({"SELECT", std::to_string(db)});
    append({"KEYS", "*"});
  }
  constexpr int64_t kWithin = kPatienceMs * kMsUs;
  int replies = 0;
  const auto see_keys = [&](const resp::ReplyView& reply) {
    if (replies % 2 == 1 && reply.is_aggregate()) {
      for (const resp::ReplyView& key : reply) {
        keys->push_back({.db = replies / 2, .key = std::string(key.text()), .payload = {}});
      }
    }
    ++replies;
  };
  if (client.Send(request_, 2 * kDatabases, kWithin, see_keys) != 2 * kDatabases) return false;
  if (keys->empty()) return true;
  request_.clear();
  for (const DumpedKey& key : *keys) {
    append({"SELECT", std::to_string(key.db)});
    append({"PEXPIRETIME", key.key});
    append({"DUMP", key.key});
  }
  size_t number = 0;
  const auto see_values = [&](const resp::ReplyView& reply) {
    DumpedKey& key = (*keys)[number / 3];
    if (number % 3 == 1 && reply.integer() > 0) {
      key.expire_at = reply.integer();
    }
    if (number % 3 == 2 && !reply.is_null() && !reply.is_error()) key.payload = reply.text();
    ++number;
  };
  const size_t count = 3 * keys->size();
  if (client.Send(request_, count, kWithin, see_values) != count) return false;
  std::erase_if(*keys, [](const DumpedKey& key) { return key.payload.empty(); });
  return true;
}

std::string_view DurableServer::reason() const {
  const std::string_view line = why_;
  const size_t mark = line.find(" # ");
  return mark == line.npos ? line : line.substr(mark + 3);
}

std::string Load(std::span<const DumpedKey> keys, Server* server) {
  const uint64_t client = server->Connect();
  std::string request;
  const auto append = [&request](std::initializer_list<std::string_view> words) {
    resp::AppendRequest(&request, std::span(words.begin(), words.size()));
  };
  append({"FLUSHALL"});
  for (const DumpedKey& key : keys) {
    append({"SELECT", std::to_string(key.db)});
    append({"RESTORE", key.key, std::to_string(key.expire_at == kNoExpiry ? 0 : key.expire_at),
            key.payload, "ABSTTL"});
  }
  server->Receive(client, request);
  const std::string_view output = server->Output(client);
  const size_t error = output.find('-');
  std::string why;
  if (error != output.npos) {
    why = output.substr(error, output.find('\r', error) - error);
    // A line for FLUSHALL, and two for each key.
    const auto line = static_cast<size_t>(std::ranges::count(output.substr(0, error), '\n'));
    const DumpedKey& key = keys[(line - 1) / 2];
    why += " (key '" + key.key + "' of database " + std::to_string(key.db) + ")";
  }
  server->Close(client);
  return why;
}

std::string LoadAt(std::span<const DumpedKey> keys, int64_t now_ms, Server* server) {
  server->Reset();
  server->Advance(static_cast<uint64_t>(now_ms - 1 - kDurableStartMs));
  std::string why = Load(keys, server);
  server->Advance(1);
  return why;
}

bool IsUnsuited(std::string_view reply) {
  for (const std::string_view code : {"-OOM", "-READONLY", "-CLUSTERDOWN", "-CROSSSLOT", "-MOVED",
                                      "-NOREPLICAS", "-MASTERDOWN", "-NOAUTH", "-NOPERM"}) {
    if (reply.starts_with(code)) return true;
  }
  return false;
}

}  // namespace resprobe::live
