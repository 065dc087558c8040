#ifndef RESPROBE_CORE_SERVER_WATCHER_H_
#define RESPROBE_CORE_SERVER_WATCHER_H_

#include <string_view>

namespace resprobe {

// Follows the changes of a server's keyspace, for invariants about its history.
class ServerWatcher {
 public:
  virtual ~ServerWatcher() = default;
  // The key has been changed, created or deleted.
  virtual void OnKey(int db, std::string_view key) = 0;
  // Any key of a database, or of all (db == -1), may change.
  virtual void OnDatabase(int db) = 0;
  // What has changed since the last call is one unit, which is logged and replicated whole: the
  // effects of a command or a transaction. Only while effects are recorded; other changes end with
  // the call of the server that makes them.
  virtual void OnUnit() = 0;
  // A command of a transaction has run: what has changed since the last call is a part of the unit
  // that is under way.
  virtual void OnStep() {}
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_SERVER_WATCHER_H_
