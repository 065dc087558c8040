// command_handler against a server that answers LPOP of the last element of a list with an integer.

#include "driver/fuzz_main.h"
#include "tests/worlds/faulty_subject.h"
#include "worlds/command_world.h"

namespace resprobe {
namespace {

class WrongLpop : public FaultySubject {
 public:
  void Send(uint64_t connection, std::string_view bytes) override {
    popping_ = bytes.find("\r\nLPOP\r\n") != std::string_view::npos;
    FaultySubject::Send(connection, bytes);
  }
  std::string Altered(uint64_t, std::string received) override {
    const bool last = core()->keyspace().KeyCount(0) == 0;
    if (!popping_ || !last || received.size() < 4 || received[0] != '$' || received[1] == '-') {
      return received;
    }
    popping_ = false;
    return ":1\r\n";
  }

 private:
  bool popping_ = false;
};

WrongLpop& Subject() {
  static auto* const subject = new WrongLpop;
  return *subject;
}

}  // namespace
}  // namespace resprobe

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::CommandWorld>(std::in_place, &resprobe::Subject()))
