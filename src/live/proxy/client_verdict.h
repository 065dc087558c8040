#ifndef RESPROBE_LIVE_PROXY_CLIENT_VERDICT_H_
#define RESPROBE_LIVE_PROXY_CLIENT_VERDICT_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"
#include "live/proxy/traffic_listener.h"

namespace resprobe::live {

// Follows both streams of each connection through a proxy, and says what the client did that no
// client may do. It judges what a proxy can see, and nothing that could also be the network's
// doing:
//
//   use_after_error  a request on a connection after the client had read what is no reply
//   wrong_reply      the program says that a command got the reply of another one. A command is
//                    known by a word TAG:ID; the program reports its reply R by a word TAG:ID=R
//   not_back         a fault has ended its connection or kept a reply, and no connection has got a
//                    reply since the faults are over
//   storm            more than kStorm connections in a second, for each one that the client has had
//                    at a time, that ended without a reply
//   malformed        bytes that are no request
class ClientVerdict : public TrafficListener {
 public:
  static constexpr size_t kStorm = 20;

  struct Setting {
    std::string tag;  // "": the order of replies is not judged
    // A client that is not back after this time does not come back.
    int64_t back_within_us = 5'000'000;
    std::function<int64_t()> now_us;
    // True if the client has read everything that it was sent, and nothing that it has sent waits:
    // what it sends from now on, it sends knowingly.
    std::function<bool(uint64_t connection)> has_read_all;
  };
  // One kind of wrong: how often it was seen, and the first time in words.
  struct Wrong {
    uint64_t times = 0;
    std::string first;
  };

  explicit ClientVerdict(Setting setting) : setting_(std::move(setting)) {}

  void OnOpen(uint64_t connection) override;
  void OnClientBytes(uint64_t connection, std::string_view bytes) override;
  void OnServerBytes(uint64_t, std::string_view) override {}
  void OnSent(uint64_t connection, std::string_view bytes) override;
  void OnCut(uint64_t connection) override;
  void OnClose(uint64_t connection) override;
  void OnRefused(const std::string&) override {}
  void OnFaults(bool any) override;

  // By name, all five; what has not happened has 0 times. Asks for the time.
  std::map<std::string, Wrong> Wrongs() const;
  // What could not be judged, and why: one sentence each.
  std::vector<std::string> NotJudged() const;
  uint64_t requests() const { return requests_; }
  uint64_t replies() const { return replies_; }
  // "verdict: …", one line for each kind of wrong.
  std::string ToText() const;

 private:
  struct Connection {
    resp::RequestParser from_client;
    resp::ReplyParser to_client;
    uint64_t requests = 0;
    uint64_t replies = 0;
    bool follows_requests = true;
    bool follows_replies = true;
    std::string broken;        // the parser's message, once it was sent what is no reply
    bool has_read_it = false;  // the client knows
  };

  void OnRequest(uint64_t number, Connection& connection, std::span<const std::string_view> words);
  void JudgeTags(std::span<const std::string_view> words);
  void NoteFruitless(uint64_t number);
  bool OwesReply(const Connection& connection) const {
    return connection.requests > connection.replies;
  }
  static void Note(Wrong* wrong, const std::string& what) {
    if (wrong->times++ == 0) wrong->first = what;
  }

  const Setting setting_;
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;
  size_t most_open_ = 0;
  uint64_t requests_ = 0;
  uint64_t replies_ = 0;
  Wrong use_after_error_;
  Wrong wrong_reply_;
  Wrong storm_;
  Wrong malformed_;
  std::set<std::string, std::less<>> tags_;  // that the client has sent
  std::deque<int64_t> fruitless_us_;         // ends of connections without a reply, the last second
  bool storming_ = false;
  bool faults_ = false;
  bool hurt_ =
      false;  // a fault has cost the client a connection or a reply, and nothing came since
  int64_t over_us_ = 0;  // since when there are no faults
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROXY_CLIENT_VERDICT_H_
