#include "worlds/io_chaos/read_values.h"

namespace resprobe {

void ReadValues::Open(int socket) {
  Line& line = At(socket);
  line.arrived.Restart();
  line.complete = 0;
  line.values = 0;
  line.foreign = false;
}

ReadValues::Found ReadValues::ParseNext(Line& line, int socket) {
  const SimPosix::Socket& s = run_->system.SocketAt(socket);
  switch (line.arrived.Next(s, s.read)) {
    case ArrivedValues::Status::kNeedMore:
      return Found::kNothing;
    case ArrivedValues::Status::kError:
      // resp_differential checks what the two parsers read differently; a length that both know is
      // not checked there.
      if (line.arrived.error() == resp::ParseErrorCode::kTooManyElements) return Found::kNothing;
      line.foreign = true;
      return Found::kForeign;
    case ArrivedValues::Status::kValue:
      ++line.values;
      line.complete = line.arrived.parsed();
      return Found::kValue;
  }
  return Found::kNothing;
}

uint64_t ReadValues::Match(const ClientSlot& slot, const IoReply& reply) {
  if (slot.socket < 0) return kNoValue;
  Line& line = At(slot.socket);
  if (line.foreign) return line.values;
  for (;;) {
    switch (ParseNext(line, slot.socket)) {
      case Found::kForeign:
        return line.values;
      case Found::kNothing:
        contract_->ReportUnread(line.values, reply);
        return kNoValue;
      case Found::kValue:
        if (reply.Same(line.arrived.value())) return line.values - 1;
    }
  }
}

size_t ReadValues::PassOver(int socket, size_t keep) {
  Line& line = At(socket);
  const size_t read = run_->system.SocketAt(socket).read;
  while (!line.foreign && line.arrived.parsed() + keep < read &&
         ParseNext(line, socket) == Found::kValue) {
  }
  return line.foreign ? 0 : line.complete;
}

void ReadValues::Forget(int socket, size_t bytes) {
  Line& line = At(socket);
  line.arrived.Forget(bytes);
  line.complete -= bytes;
}

}  // namespace resprobe
