#ifndef RESPROBE_WORLDS_INVALIDATION_SESSION_CHECKER_H_
#define RESPROBE_WORLDS_INVALIDATION_SESSION_CHECKER_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/run_context.h"
#include "worlds/invalidation/client_requests.h"
#include "worlds/invalidation/truth_model.h"

namespace resprobe::invalidation {

// What sessions have read and written, and which invalidations have reached clients, in versions
// (truth_model.h). A session is that of one client, or of all that share a cache.
//
// Checks each read: bounded_staleness (at least as new as each invalidation that has arrived),
// read_your_writes, monotonic_reads.
class SessionChecker {
 public:
  static constexpr size_t kMost = 4;  // clients

  // A read that a client has got: a hit, or a reply.
  struct Read {
    uint8_t client = 0;
    uint8_t session = 0;
    uint8_t db = 0;
    uint8_t slot = 0;
    bool hit = false;
    // Whose invalidations the read must respect.
    enum class Announced : uint8_t { kNone, kOwn, kOfAllClients } announced = Announced::kOwn;
    uint64_t version = 0;
    uint64_t seen = 0;     // what the session had read when it asked
    uint64_t written = 0;  // the session's own writes before it
  };

  // Forgets everything of the first clients, for a new run.
  void Reset(size_t clients) {
    clients_ = clients;
    std::fill_n(known_.begin(), clients, Known());
  }

  void Check(const Read& read, RunContext& run) const;

  // --- What happens.

  void HasRead(const Read& read) {
    Raise(&known_[read.session].seen[read.db][read.slot], read.version);
  }
  // A write of the session was acknowledged.
  void HasWritten(size_t session, size_t db, size_t slot, uint64_t version) {
    Raise(&known_[session].written[db][slot], version);
  }
  // An invalidation of the slot, in all databases, has reached the client.
  void Arrived(size_t client, size_t slot, const std::array<uint64_t, kDatabases>& versions) {
    for (size_t db = 0; db < kDatabases; ++db)
      Raise(&known_[client].arrived[db][slot], versions[db]);
  }
  // Versions that this server does not have are lost, with another one.
  void Limit(const TruthModel& truth);

  // The state of the session when a request is made.
  void Remember(size_t session, size_t db, size_t slot, Asked* asked) const {
    asked->seen = known_[session].seen[db][slot];
    asked->written = known_[session].written[db][slot];
  }

 private:
  using Versions = std::array<std::array<uint64_t, kSlots>, kDatabases>;

  struct Known {
    Versions seen{};     // by the session
    Versions written{};  // by the session; acknowledged
    Versions arrived{};  // at the client
  };

  static void Raise(uint64_t* version, uint64_t to) { *version = std::max(*version, to); }
  uint64_t ArrivedFor(const Read& read) const;
  [[gnu::noinline]] static void TooOld(const Read& read, uint64_t arrived, RunContext& run);

  size_t clients_ = 0;
  std::array<Known, kMost> known_{};
};

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_SESSION_CHECKER_H_
