#ifndef RESPROBE_WORLDS_IO_CHAOS_OTHER_CLIENT_H_
#define RESPROBE_WORLDS_IO_CHAOS_OTHER_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "sim/server_subject.h"

namespace resprobe {

// Another client of the peer's server, with a perfect connection: what it does reaches the clients
// under test as messages and invalidations.
class OtherClient {
 public:
  OtherClient();

  // Connects to the server and sets the keys that the clients under test read.
  void Start(ServerSubject* server);
  void Publish(size_t channel);
  void Set(size_t key);
  void FlushAll();

 private:
  void Queue(std::initializer_list<std::string_view> words);
  // Sends what is queued; the replies are of no interest.
  void Send();

  ServerSubject* server_ = nullptr;
  uint64_t connection_ = 0;
  std::string bytes_;
  std::string first_;  // the requests of Start(), which are the same in each run
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_OTHER_CLIENT_H_
