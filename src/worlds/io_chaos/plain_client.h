#ifndef RESPROBE_WORLDS_IO_CHAOS_PLAIN_CLIENT_H_
#define RESPROBE_WORLDS_IO_CHAOS_PLAIN_CLIENT_H_

// The smallest client that fulfils the contract: the core's reply parser, a queue of commands, a
// send buffer. It is a subject of io_chaos like others; with a planted fault it shows that each
// invariant is checked.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "worlds/io_chaos/io_client.h"

namespace resprobe {

class PlainClient : public IoClient {
 public:
  // One for each invariant of io_chaos, in their order.
  enum class Fault : uint8_t {
    kNone,
    kForgetsAtTheEnd,      // called_once: pending commands are not called back when the peer closes
    kCancelsBackwards,     // in_order: the last command is called back first
    kAnswersAfterFree,     // no_reply_after_end: replies already read are still delivered
    kSaysGoodbyeTwice,     // disconnect_once
    kStopsAtSlices,        // split_invariance: a reply that a read has cut is lost
    kShortensStrings,      // faithful: a string of over 64 bytes loses its last byte
    kSwapsOwners,          // own_reply: two replies in one read go to each other's commands
    kSendsTwice,           // prefix: after a short write it resends from the beginning
    kForgetsToWrite,       // no_hang: after a short write it does not wait for writable
    kLeaksWhenRefused,     // nothing_leaks: a connection that was refused is not freed
    kTakesResetForTheEnd,  // true_error: ECONNRESET is reported as the end of the stream
    kOldTimer,             // belated_timer: the connect timer stays active after connecting
    kSleepsOn,             // timer_ends: the command timer does nothing
    kGivesUp,              // patient_connect: EAGAIN of connect() is taken for a failure
    kRaisesSignals,        // no_signal: it writes without MSG_NOSIGNAL
    kFirstSubscription,    // own_channel: the first subscription gets all messages
    kTakesInAdvance,       // memory: it takes memory for the elements that a header announces
  };
  static constexpr Fault kLastFault = Fault::kTakesInAdvance;

  explicit PlainClient(Fault fault = Fault::kNone) : fault_(fault) {}

  void Start(SimPosix* system, IoClientOwner* owner) override;
  bool Connect(const IoClientOptions& options) override;
  bool Command(uint64_t number, IoAnswer answer, std::span<const std::string_view> args) override;
  void Disconnect() override;
  void Free() override;
  bool exists() const override { return open_; }
  int descriptor() const override { return socket_; }
  bool wants(Event event) const override;
  void Fire(Event event) override;
  int64_t timer_us() const override { return timer_us_; }
  IoError error() const override { return error_; }

 private:
  struct Pending {
    uint64_t number;
    bool stays;
  };
  struct Subscription {
    uint64_t number;
    std::vector<std::string> names;  // its kind, and channels or patterns
  };

  void Readable();
  void Writable();
  void Take();
  // The subscription for which a message or a confirmation is; nullptr: none.
  const Subscription* SubscriptionOf(const resp::Reply& value) const;
  void TakeInAdvance();
  void HandOut(const resp::Reply& value);
  void End(IoError error);
  void Finish();

  Fault fault_;
  SimPosix* system_ = nullptr;
  IoClientOwner* owner_ = nullptr;
  IoClientOptions options_;
  bool open_ = false;
  bool connected_ = false;
  bool ending_ = false;  // Disconnect() was called: no new commands
  bool freeing_ = false;
  bool staying_ = false;  // a pending command stays
  int depth_ = 0;
  int socket_ = -1;
  bool writing_ = false;
  bool timer_ = false;
  int64_t timer_us_ = 0;
  size_t in_advance_ = 0;  // bytes that were taken for what was announced
  IoError error_ = IoError::kNone;
  std::string output_;
  std::array<char, 4096> buffer_;  // of one read
  std::string input_;
  std::vector<Pending> pending_;
  std::vector<Subscription> subscriptions_;  // of pending_ those that stay
  size_t next_ = 0;
  resp::ReplyParser parser_;
  resp::Reply held_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_PLAIN_CLIENT_H_
