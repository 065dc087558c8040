#ifndef RESPROBE_CACHELAB_SUBJECT_WORKER_ANSWER_H_
#define RESPROBE_CACHELAB_SUBJECT_WORKER_ANSWER_H_

#include <cstdint>
#include <string>

#include "cachelab/subject/shared_cache.h"
#include "core/resp/reply.h"

namespace resprobe::live {

// What a worker says to a command.
struct WorkerAnswer {
  enum class Status : uint8_t {
    kReply,  // the server's reply is in `reply`: from the cache, or just asked for
    kError,  // the reply is an error
    kLost,   // the connection, or the worker, was lost first: a write may have happened or not
  };
  // What became of a read's reply.
  enum class Stored : uint8_t {
    kNotTried,  // a hit, no cacheable read, or somebody else was fetching it
    kStored,
    kRefused,  // the key was invalidated on the way
  };

  Status status = Status::kLost;
  bool hit = false;
  bool torn = false;  // the cache gave an entry whose checksum is wrong
  Stored stored = Stored::kNotTried;
  Grant grant;            // of a hit: who put it
  int64_t client_id = 0;  // of the connection that asked, or the grant's
  std::string why;        // with kLost
  resp::Reply reply;

  bool ok() const { return status == Status::kReply; }
};

// On the control socket: an array.
void AppendAnswer(std::string* out, const WorkerAnswer& answer, std::string_view reply);
// False if it is not one.
bool ReadAnswer(const resp::ReplyView& message, WorkerAnswer* answer);

}  // namespace resprobe::live

#endif  // RESPROBE_CACHELAB_SUBJECT_WORKER_ANSWER_H_
