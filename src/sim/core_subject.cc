#include "sim/core_subject.h"

namespace resprobe {

void CoreSubject::Reset() { server_.Reset(); }

uint64_t CoreSubject::Connect() { return server_.Connect(); }

void CoreSubject::Send(uint64_t connection, std::string_view bytes) {
  server_.Receive(connection, bytes);
}

void CoreSubject::Receive(uint64_t connection, std::string* append) {
  std::string& output = server_.Output(connection);
  if (output.empty()) return;
  if (append->empty()) {
    append->swap(output);
  } else {
    append->append(output);
    output.clear();
  }
}

bool CoreSubject::IsOpen(uint64_t connection) const { return server_.IsOpen(connection); }

void CoreSubject::Close(uint64_t connection) { server_.Close(connection); }

void CoreSubject::Advance(uint64_t ms) { server_.Advance(ms); }

uint64_t CoreSubject::now_ms() const { return server_.now_ms(); }

bool CoreSubject::Evict(int database, std::string_view key) { return server_.Evict(database, key); }

}  // namespace resprobe
