#ifndef RESPROBE_WORLDS_IO_CHAOS_PLAIN_CLIENT_H_
#define RESPROBE_WORLDS_IO_CHAOS_PLAIN_CLIENT_H_

// The smallest client that keeps the contract: the core's reply parser, one queue of commands, one
// buffer to send from. It is a subject of io_chaos like others, and, with one fault planted, what
// shows that each invariant is looked at.

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
    kForgetsAtTheEnd,      // called_once: what is pending when the peer closes is not told
    kCancelsBackwards,     // in_order: the last command is told first
    kAnswersAfterFree,     // no_reply_after_end: what has been read is still handed out
    kSaysGoodbyeTwice,     // disconnect_once
    kStopsAtSlices,        // split_invariance: a reply that a read has cut is taken for none
    kShortensStrings,      // faithful: a string of over 64 bytes loses its last one
    kSwapsOwners,          // own_reply: two replies in one read go to each other's commands
    kSendsTwice,           // prefix: after a short write it starts again from the beginning
    kForgetsToWrite,       // no_hang: after a short write it does not wait for writable
    kLeaksWhenRefused,     // nothing_leaks: a connection that was refused is not given back
    kTakesResetForTheEnd,  // true_error: ECONNRESET is told as the end of the stream
    kOldTimer,             // belated_timer: the timer of connecting goes on after that
  };
  static constexpr Fault kLastFault = Fault::kOldTimer;

  explicit PlainClient(Fault fault = Fault::kNone) : fault_(fault) {}

  void Start(SimPosix* system, IoClientOwner* owner) override;
  bool Connect(const IoClientOptions& options) override;
  bool Command(uint64_t number, bool stays, std::span<const std::string_view> args) override;
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

  void Readable();
  void Writable();
  void Take();
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
  int depth_ = 0;
  int socket_ = -1;
  void* block_ = nullptr;  // what it holds of the heap
  bool writing_ = false;
  bool timer_ = false;
  int64_t timer_us_ = 0;
  IoError error_ = IoError::kNone;
  std::string output_;
  std::array<char, 4096> buffer_;  // of one read
  std::string input_;
  std::vector<Pending> pending_;
  size_t next_ = 0;
  resp::ReplyParser parser_;
  resp::Reply held_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_PLAIN_CLIENT_H_
