#ifndef RESPROBE_WORLDS_IO_CHAOS_SPLIT_CHECK_H_
#define RESPROBE_WORLDS_IO_CHAOS_SPLIT_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "worlds/io_chaos/callback_notes.h"
#include "worlds/io_chaos/client_contract.h"
#include "worlds/io_chaos/client_slots.h"
#include "worlds/io_chaos/command_book.h"
#include "worlds/io_chaos/event_loop.h"
#include "worlds/io_chaos/io_client.h"
#include "worlds/io_chaos/io_run.h"
#include "worlds/io_chaos/known_fault_guard.h"
#include "worlds/io_chaos/read_values.h"
#include "worlds/io_chaos/request_words.h"

namespace resprobe {

// The checker of split_invariance: the same bytes in other slices give the same callbacks. At the
// end of a run a second client of the same kind gets the commands of the first one, then all bytes
// that the first one has read, in one piece; the callbacks of both are compared.
//
// That works only for runs that can be repeated in this way: one connection, whose client was only
// given commands and then read. The callbacks of other runs are not stored.
class SplitCheck : private IoClientOwner {
 public:
  SplitCheck(IoRun* run, ClientSlots* slots, KnownFaultGuard* guard, EventLoop* loop,
             ReadValues* values, ClientContract* contract, CommandBook* book, RequestWords* words)
      : run_(run),
        slots_(slots),
        guard_(guard),
        loop_(loop),
        values_(values),
        contract_(contract),
        book_(book),
        words_(words),
        notes_(run) {}

  void Reset();
  // The run has done something that a second client cannot repeat.
  void Spoil();
  // The first client's callback of this command, kPushed: of a push, with this value (ReadValues).
  void Record(uint64_t command, uint64_t value);

  // Repeats the run, if it can be repeated, with a client that connects with these options.
  void Check(const IoClientOptions& options);

  static constexpr uint64_t kPushed = 0;
  size_t held() const { return first_.size(); }

 private:
  struct Callback {
    uint64_t command;
    uint64_t value;
    bool operator==(const Callback&) const = default;
  };

  bool CanRepeat();
  void Repeat(ClientSlot& slot);

  // IoClientOwner, of the second client.
  void OnConnect(IoClient& client, bool ok) override;
  void OnReply(IoClient& client, uint64_t command, const IoReply* reply) override;
  void OnPush(IoClient& client, const IoReply& push) override;
  void OnDisconnect(IoClient& client, bool ok) override;
  void OnGone(IoClient& client) override;

  IoRun* const run_;
  ClientSlots* const slots_;
  KnownFaultGuard* const guard_;
  EventLoop* const loop_;
  ReadValues* const values_;
  ClientContract* const contract_;
  CommandBook* const book_;
  RequestWords* const words_;
  CallbackNotes notes_;
  bool repeatable_ = false;
  std::vector<Callback> first_;
  std::vector<Callback> second_;
  std::string bytes_;  // that the first client has read
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_SPLIT_CHECK_H_
