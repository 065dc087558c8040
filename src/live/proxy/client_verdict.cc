#include "live/proxy/client_verdict.h"

#include <algorithm>
#include <utility>

#include "engine/quote.h"

namespace resprobe::live {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr size_t kMostTags = 100'000;
constexpr size_t kShownBytes = 80;

std::string Shown(std::string text) {
  if (text.size() > kShownBytes) text = text.substr(0, kShownBytes) + "…";
  return text;
}

// What follows such a request is no sequence of replies.
bool StartsReplication(std::string_view name) {
  const auto is = [&](std::string_view other) {
    return std::ranges::equal(name, other, [](char a, char b) { return (a & ~0x20) == b; });
  };
  return is("SYNC") || is("PSYNC");
}

}  // namespace

void ClientVerdict::OnOpen(uint64_t connection) {
  connections_.emplace(connection, std::make_unique<Connection>());
  most_open_ = std::max(most_open_, connections_.size());
}

void ClientVerdict::OnClientBytes(uint64_t number, std::string_view bytes) {
  const auto found = connections_.find(number);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  while (!bytes.empty() && connection.follows_requests) {
    const resp::RequestParser::Result result = connection.from_client.Parse(bytes);
    if (result.status == resp::RequestParser::Status::kError) {
      connection.follows_requests = false;
      Note(&malformed_,
           "connection " + std::to_string(number) + ": " + connection.from_client.error().text);
      break;
    }
    bytes.remove_prefix(result.consumed);
    if (result.status == resp::RequestParser::Status::kNeedMore) break;
    OnRequest(number, connection, connection.from_client.args());
  }
  // The first request after the error may have been on its way when the client read the error. One
  // that arrives after this moment was not.
  if (!connection.broken.empty() && !connection.has_read_it) {
    connection.has_read_it = setting_.has_read_all(number);
  }
}

void ClientVerdict::OnRequest(uint64_t number, Connection& connection,
                              std::span<const std::string_view> words) {
  ++requests_;
  ++connection.requests;
  if (connection.has_read_it) {
    Note(&use_after_error_, "connection " + std::to_string(number) + ": " +
                                Shown(WordsLine(words)) + ", after " + connection.broken);
  }
  if (StartsReplication(words[0])) connection.follows_requests = connection.follows_replies = false;
  if (!setting_.tag.empty()) JudgeTags(words);
}

void ClientVerdict::JudgeTags(std::span<const std::string_view> words) {
  for (const std::string_view word : words) {
    if (word.size() <= setting_.tag.size() || !word.starts_with(setting_.tag) ||
        word[setting_.tag.size()] != ':') {
      continue;
    }
    const size_t equal = word.find('=');
    const std::string_view tag = word.substr(0, equal);
    if (equal == word.npos) {
      if (tags_.size() < kMostTags) tags_.emplace(tag);
    } else if (const std::string_view reply = word.substr(equal + 1);
               reply != tag && tags_.contains(reply)) {
      Note(&wrong_reply_,
           Shown(std::string(tag)) + " got the reply of " + Shown(std::string(reply)));
    }
  }
}

void ClientVerdict::OnSent(uint64_t number, std::string_view bytes) {
  const auto found = connections_.find(number);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  while (!bytes.empty() && connection.follows_replies) {
    const resp::ReplyParser::Result result = connection.to_client.Parse(bytes);
    if (result.status == resp::ReplyParser::Status::kError) {
      connection.follows_replies = false;
      connection.broken = connection.to_client.error().message();
      return;
    }
    bytes.remove_prefix(result.consumed);
    if (result.status == resp::ReplyParser::Status::kNeedMore) return;
    if (connection.to_client.reply().root().type() == resp::Type::kPush) continue;
    ++replies_;
    ++connection.replies;
    hurt_ = false;
    storming_ = false;
    fruitless_us_.clear();
  }
}

void ClientVerdict::OnCut(uint64_t /*number*/) { hurt_ = true; }

void ClientVerdict::OnClose(uint64_t number) {
  const auto found = connections_.find(number);
  if (found == connections_.end()) return;
  const Connection& connection = *found->second;
  if (faults_ && OwesReply(connection)) hurt_ = true;
  if (connection.replies == 0) NoteFruitless(number);
  connections_.erase(found);
}

void ClientVerdict::NoteFruitless(uint64_t number) {
  const int64_t now = setting_.now_us();
  fruitless_us_.push_back(now);
  while (fruitless_us_.front() <= now - kSecondUs) fruitless_us_.pop_front();
  const bool storm = fruitless_us_.size() > kStorm * std::max<size_t>(most_open_, 1);
  // One storm, however long it lasts.
  if (storm && !storming_) {
    Note(&storm_, std::to_string(fruitless_us_.size()) +
                      " connections within a second ended without a reply, the last is " +
                      std::to_string(number));
  }
  storming_ = storm;
}

void ClientVerdict::OnFaults(bool any) {
  if (faults_ && !any) {
    over_us_ = setting_.now_us();
    // What was lost without an end of its connection: a silent server, a reply that was swallowed.
    for (const auto& [number, connection] : connections_) hurt_ = hurt_ || OwesReply(*connection);
  }
  faults_ = any;
}

std::map<std::string, ClientVerdict::Wrong> ClientVerdict::Wrongs() const {
  Wrong not_back;
  const int64_t waited = setting_.now_us() - over_us_;
  if (hurt_ && !faults_ && waited >= setting_.back_within_us) {
    Note(&not_back, "no reply has reached the client in the " + std::to_string(waited / kSecondUs) +
                        " s since the faults are over");
  }
  return {{"use_after_error", use_after_error_},
          {"wrong_reply", wrong_reply_},
          {"not_back", not_back},
          {"storm", storm_},
          {"malformed", malformed_}};
}

std::vector<std::string> ClientVerdict::NotJudged() const {
  std::vector<std::string> text;
  if (setting_.tag.empty()) {
    text.emplace_back("wrong_reply: without --tag nothing shows whose reply a command got");
  }
  if (hurt_ && faults_) text.emplace_back("not_back: the faults are not over");
  if (hurt_ && !faults_ && setting_.now_us() - over_us_ < setting_.back_within_us) {
    text.emplace_back("not_back: the faults have only just ended");
  }
  return text;
}

std::string ClientVerdict::ToText() const {
  std::string text;
  for (const auto& [name, wrong] : Wrongs()) {
    if (wrong.times == 0) continue;
    text += "  " + name + ", " + std::to_string(wrong.times) +
            (wrong.times == 1 ? " time: " : " times, first: ") + wrong.first + "\n";
  }
  text = "verdict on " + std::to_string(requests_) + " requests and " + std::to_string(replies_) +
         " replies: " +
         (text.empty() ? "the client did nothing that it must not\n"
                       : "the client did what it must not\n" + text);
  for (const std::string& one : NotJudged()) text += "  not judged: " + one + "\n";
  return text;
}

}  // namespace resprobe::live
