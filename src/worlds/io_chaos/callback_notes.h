#ifndef RESPROBE_WORLDS_IO_CHAOS_CALLBACK_NOTES_H_
#define RESPROBE_WORLDS_IO_CHAOS_CALLBACK_NOTES_H_

#include <cstdint>

#include "worlds/io_chaos/io_client.h"
#include "worlds/io_chaos/io_run.h"

namespace resprobe {

// Notes each callback of a client in the log of the run (ChaosLog) and in its trace, before
// anything is done about it.
class CallbackNotes {
 public:
  explicit CallbackNotes(IoRun* run) : run_(run) {}

  void Connect(const IoClient& client, bool ok);
  // `reply`: nullptr if there will be none.
  void Reply(uint64_t command, const IoReply* reply);
  void Push(const IoReply& push);
  void Disconnect(const IoClient& client, int socket, bool ok);
  void Gone(int socket);

 private:
  IoRun* const run_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_CALLBACK_NOTES_H_
