#ifndef RESPROBE_CACHELAB_SUBJECT_WORKER_ANSWER_H_
#define RESPROBE_CACHELAB_SUBJECT_WORKER_ANSWER_H_

#include <cstdint>
#include <string>

#include "cachelab/subject/shared_cache.h"
#include "core/resp/reply.h"

namespace resprobe::cachelab {

// A worker's answer to a command.
struct WorkerAnswer {
  enum class Status : uint8_t {
    kReply,  // the server's reply is in `reply`: from the cache, or just fetched
    kError,  // the reply is an error
    kLost,   // the connection or the worker was lost first: a write may or may not have happened
  };
  // What happened to a read's reply.
  enum class Stored : uint8_t {
    kNotTried,  // a hit, not a cacheable read, or another worker was fetching it
    kStored,
    kRefused,  // the key was invalidated in the meantime
  };

  Status status = Status::kLost;
  bool hit = false;
  bool torn = false;  // the cache returned an entry with a wrong checksum
  Stored stored = Stored::kNotTried;
  Grant grant;            // of a hit: who put it
  int64_t client_id = 0;  // of the connection that sent the command, or the grant's
  std::string why;        // if kLost
  resp::Reply reply;

  bool ok() const { return status == Status::kReply; }
};

// Encodes an answer for the control socket, as an array.
void AppendAnswer(std::string* out, const WorkerAnswer& answer, std::string_view reply);
// False if it is not an answer.
bool ReadAnswer(const resp::ReplyView& message, WorkerAnswer* answer);

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_SUBJECT_WORKER_ANSWER_H_
