#ifndef RESPROBE_WORLDS_COMMAND_WATCH_BOOK_H_
#define RESPROBE_WORLDS_COMMAND_WATCH_BOOK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/keyspace/keyspace.h"
#include "core/server/watcher.h"

namespace resprobe {

// Which keys the server has reported as changed: by the present request, and since a client has
// watched them. So it knows whether a transaction must run or must not, by what a server's
// documentation says of WATCH: a key that is changed in between, or expires, aborts it, and nothing
// else does.
class WatchBook : public ServerWatcher {
 public:
  static constexpr size_t kClients = 4;

  // `keyspace`: of the server that is watched; nullptr: of a server that is not the core, of which
  // nothing is known.
  explicit WatchBook(const Keyspace* keyspace) : keyspace_(keyspace) {}

  void Reset();

  // A client has watched a key, watches nothing any more, or has sent WATCH or the like so that it
  // is not known when it ran. Clients are counted from 0.
  void Watch(size_t client, int db, std::string_view key);
  void Unwatch(size_t client);
  void Lose(size_t client) { clients_[client].lost = true; }

  // What EXEC of the client must do now.
  enum class Verdict : uint8_t { kRuns, kAborts, kUnknown };
  Verdict Of(size_t client) const;

  // Forgets what earlier requests have changed.
  void StartRequest() {
    reported_count_ = 0;
    whole_database_ = false;
  }
  // True if the present request has reported a change of the key, perhaps of its whole database.
  bool Reported(int db, std::string_view key) const;
  bool ReportedAny() const { return whole_database_ || reported_count_ > 0; }

  void OnKey(int db, std::string_view key) override;
  void OnDatabase(int db) override;
  void OnUnit() override {}

 private:
  struct Key {
    int db = 0;
    std::string key;
  };
  struct Watched : Key {
    uint64_t digest = 0;
    // It had expired when it was watched, and was still there: deleting it changes nothing.
    bool was_expired = false;
    bool touched = false;
    bool unsure = false;  // its database was emptied or swapped: only its digest tells
  };
  struct Client {
    std::vector<Watched> keys;  // the first `count` are in use
    size_t count = 0;
    bool lost = false;
  };

  const Keyspace* const keyspace_;
  std::array<Client, kClients> clients_;
  size_t watched_count_ = 0;   // of all clients
  std::vector<Key> reported_;  // the first reported_count_ are in use
  size_t reported_count_ = 0;
  bool whole_database_ = false;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_COMMAND_WATCH_BOOK_H_
