#include "live/oracle/oracle_client.h"

#include <algorithm>

namespace resprobe::live {

void OracleConnection::Forget() {
  if (!owes()) return Clear();
  expected.erase(0, read);
  chunks.erase(chunks.begin(), chunks.begin() + static_cast<ptrdiff_t>(next));
  for (Chunk& chunk : chunks) chunk.end -= read;
  sent -= std::min(sent, read);
  read = next = 0;
}

void OracleConnection::Forgive(size_t asked) {
  for (size_t i = next; i < chunks.size();) {
    const size_t start = i == next ? read : chunks[i - 1].end;
    const size_t size = chunks[i].end - start;
    if (chunks[i].asked != asked || chunks[i].own) {
      ++i;
      continue;
    }
    expected.erase(start, size);
    if (sent > start) sent -= std::min(size, sent - start);
    chunks.erase(chunks.begin() + static_cast<ptrdiff_t>(i));
    for (size_t j = i; j < chunks.size(); ++j) chunks[j].end -= size;
  }
}

void OracleConnection::Clear() {
  expected.clear();
  chunks.clear();
  read = next = sent = 0;
}

void OracleClient::Begin(uint64_t id) {
  core_id = id;
  connection = nullptr;
  greeting.clear();
  unsent.clear();
  held.clear();
  requests.Reset();
  nonsense = false;
  silent.clear();
  deferred.clear();
  unfenced = lossy = stays_open = named = false;
}

void OracleClient::Release() {
  if (connection != nullptr) connection->taken = false;
  connection = nullptr;
}

size_t FirstOwed(const OracleConnections& connections, size_t end) {
  size_t first = end;
  for (const OracleConnection& connection : connections) {
    if (connection.owes()) first = std::min(first, connection.chunks[connection.next].asked);
  }
  return first;
}

}  // namespace resprobe::live
