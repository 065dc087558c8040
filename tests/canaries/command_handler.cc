// command_handler against a server whose LPOP of the last element leaves an empty list.

#include "driver/fuzz_main.h"
#include "tests/worlds/faulty_subject.h"
#include "worlds/command/command_harness.h"

namespace resprobe {
namespace {

class LeavesEmptyList : public FaultySubject {
 public:
  void Send(uint64_t connection, std::string_view bytes) override {
    const bool had_list = core()->keyspace().Peek(0, kKey) != nullptr;
    FaultySubject::Send(connection, bytes);
    if (!had_list || bytes.find("\r\nLPOP\r\n") == std::string_view::npos) return;
    if (core()->keyspace().Peek(0, kKey) == nullptr) {
      core()->keyspace().Overwrite(0, kKey, ObjectType::kList);
    }
  }

 private:
  static constexpr std::string_view kKey = "l0";
};

LeavesEmptyList& Subject() {
  static auto* const subject = new LeavesEmptyList;
  return *subject;
}

}  // namespace
}  // namespace resprobe

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::CommandWorld>(std::in_place, &resprobe::Subject()))
